// Completes the filter language in the search box: fields, and the values that the page knows.
const fields = {
  agent: "squad/name, or a beginning and *", squad: "", status: "how it stands", trigger: "what started it", model: "", cost: "how its cost is known",
  since: "7d, yesterday, 2026-11-01", until: "", tag: "name=value", execution: "", session: "", parent: "", source: "who told of it",
  repository: "host/owner/name", is: "a run, or a part of one", started: "FROM..UNTIL", proved: "what witnesses confirmed",
};
const known = {
  status: ["running", "success", "failed", "timeout", "cancelled", "lost"], trigger: ["manual", "scheduled", "event", "smart"],
  cost: ["measured", "computed", "unknown"], is: ["run", "subagent"], proved: ["witnessed", "waiting", "unwitnessed"], since: ["1d", "7d", "30d", "90d", "yesterday"], until: ["1d", "7d", "yesterday"],
};

export function complete() {
  const box = document.querySelector("input[data-complete]");
  if (!box) return;
  const list = document.createElement("ul");
  list.className = "complete";
  list.id = "complete";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  list.hidden = true;
  box.after(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": "complete", "aria-expanded": "false" })) box.setAttribute(name, value);

  let at = -1;
  let from = 0;
  const close = () => {
    list.hidden = true;
    at = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  };
  const pick = (i) => {
    at = i;
    [...list.children].forEach((li, n) => li.setAttribute("aria-selected", String(n === i)));
    if (i >= 0) {
      box.setAttribute("aria-activedescendant", list.children[i].id);
      list.children[i].scrollIntoView({ block: "nearest" });
    } else box.removeAttribute("aria-activedescendant");
  };
  const take = (i) => {
    const text = list.children[i].dataset.text;
    const end = box.selectionStart;
    const done = text.endsWith(":") ? text : `${text} `;
    box.value = box.value.slice(0, from) + done + box.value.slice(end);
    box.setSelectionRange(from + done.length, from + done.length);
    suggest();
  };
  const suggest = () => {
    const before = box.value.slice(0, box.selectionStart);
    from = Math.max(before.lastIndexOf(" ") + 1, 0);
    const word = before.slice(from);
    const offers = offersFor(word);
    if (!offers.length || (before.match(/"/g) ?? []).length % 2) return close();
    list.replaceChildren(...offers.map(([text, says], i) => {
      const li = document.createElement("li");
      li.id = `complete-${i}`;
      li.dataset.text = text;
      li.setAttribute("role", "option");
      li.append(text);
      if (says) {
        const span = document.createElement("span");
        span.textContent = says;
        li.append(span);
      }
      return li;
    }));
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
    pick(-1);
  };
  box.addEventListener("input", suggest);
  box.addEventListener("focus", suggest);
  box.addEventListener("blur", () => setTimeout(close, 150));
  list.addEventListener("mousedown", (e) => {
    const li = e.target.closest("li");
    if (!li) return;
    e.preventDefault();
    take([...list.children].indexOf(li));
  });
  box.addEventListener("keydown", (e) => {
    if (list.hidden) {
      if (e.key === "ArrowDown") suggest();
      return;
    }
    const n = list.children.length;
    if (e.key === "ArrowDown") pick((at + 1) % n);
    else if (e.key === "ArrowUp") pick((at - 1 + n) % n);
    else if ((e.key === "Enter" || e.key === "Tab") && at >= 0) take(at);
    else if (e.key === "Escape") close();
    else return;
    e.preventDefault();
  });
}

function offersFor(word) {
  const minus = word.startsWith("-") ? "-" : "";
  const bare = word.slice(minus.length);
  const colon = bare.indexOf(":");
  if (colon < 0) {
    return Object.entries(fields).filter(([f]) => f.startsWith(bare)).map(([f, says]) => [`${minus}${f}:`, says]);
  }
  const field = bare.slice(0, colon);
  const typed = bare.slice(colon + 1).replace(/^"/, "").toLowerCase();
  const seen = [...document.querySelectorAll(".facets [data-value][href]")].filter((a) => a.closest("section").dataset.field === field).map((a) => a.dataset.value);
  return [...new Set([...(known[field] ?? []), ...seen])].filter((v) => v.toLowerCase().includes(typed) && v.toLowerCase() !== typed)
    .slice(0, 12).map((v) => [`${minus}${field}:${/[\s",*]/.test(v) ? `"${v.replace(/["\\]/g, "\\$&")}"` : v}`, ""]);
}
