// Everything by keyboard: g and a letter goes to a page, / searches, j and k walk the rows, ? tells all of it.
export function keys(turnTheme) {
  const dialog = document.getElementById("keys");
  const help = () => { if (!dialog.open) dialog.showModal(); };
  for (const b of document.querySelectorAll("[data-help]")) b.addEventListener("click", help);
  const pages = new Map();
  for (const a of document.querySelectorAll("[data-keys]")) pages.set(a.dataset.keys.split(" ")[1], a.href);

  let waiting = 0; // until when a g counts
  addEventListener("keydown", (e) => {
    if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    const typing = e.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (typing) {
      if (e.key === "Escape") typing.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (waiting > e.timeStamp) {
      waiting = 0;
      const to = pages.get(e.key);
      if (to) {
        e.preventDefault();
        location.assign(to);
        return;
      }
    }
    switch (e.key) {
      case "g": waiting = e.timeStamp + 1500; return;
      case "?": help(); break;
      case "/": {
        const box = document.querySelector("input[type=search]");
        if (!box) return;
        box.focus();
        box.select();
        break;
      }
      case "t": turnTheme(); break;
      case "j": walk(1); break;
      case "k": walk(-1); break;
      case "n": case "p": case "v": {
        const all = [...document.querySelectorAll(`[data-key="${e.key}"]`)];
        if (!all.length) return;
        all.at(-1).click();
        break;
      }
      default: return;
    }
    e.preventDefault();
  });
}

// walk moves the focus to the next row, or the one before.
function walk(step) {
  const rows = [...document.querySelectorAll("[data-rows] > tbody > tr, ol[data-rows] > li")];
  if (!rows.length) return;
  const here = rows.findIndex((r) => r.contains(document.activeElement));
  const next = rows[Math.min(Math.max(here + step, 0), rows.length - 1)];
  const focus = next.querySelector("summary, a, button");
  for (const r of rows) r.classList.toggle("at", r === next);
  focus?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}
