// The proof panel: fetches a proof, checks it against the key that the reader pinned in this browser, and holds what the page shows against what is proved.
import { check, consistencyFromTiles, consistent, hex, openCheckpoint, parseKey, toHex } from "./verify.js";

const keep = {
  get: (name) => { try { return JSON.parse(localStorage.getItem(`whodid.${name}`)); } catch { return null; } },
  set: (name, value) => localStorage.setItem(`whodid.${name}`, JSON.stringify(value)),
};
export const pinned = () => keep.get("pin");

export function proof() {
  watch(document.querySelector("[data-proof]"), "[data-verify]", verify);
  watch(document.querySelector("[data-head]"), "[data-verify-head]", verifyHead);
}

function watch(panel, name, verify) {
  const button = panel?.querySelector(name);
  if (!button) return;
  const out = panel.querySelector("[data-verdicts]");
  const run = async () => {
    button.disabled = true;
    out.replaceChildren(line("Checking…"));
    try {
      if (pinned()) await verify(panel, out);
      else out.replaceChildren(offer(await get("/integrity/head"), run));
    } catch (e) {
      out.replaceChildren(verdict("Integrity", "refuted", `${e.message}.`), ...(pinned() ? [forget()] : []));
    }
    button.disabled = false;
  };
  button.addEventListener("click", run);
}

const line = (text) => Object.assign(document.createElement("p"), { textContent: text, className: "muted" });
function verdict(name, state, detail) {
  const row = document.createElement("div");
  row.className = "verdict";
  row.dataset.verdict = name;
  row.dataset.state = state;
  const title = Object.assign(document.createElement("strong"), { textContent: name });
  const chip = Object.assign(document.createElement("span"), { textContent: state, className: `chip ${{ proved: "ok", refuted: "bad", conditional: "warn" }[state] ?? ""}` });
  row.append(title, chip, Object.assign(document.createElement("p"), { textContent: detail }));
  return row;
}

async function get(path, kind = "json") {
  const answer = await fetch(path, { headers: { accept: kind === "json" ? "application/json" : "*/*" } });
  if (!answer.ok) throw new Error(`the server did not answer with the proof (${answer.status})`);
  return kind === "json" ? answer.json() : new Uint8Array(await answer.arrayBuffer());
}

async function verify(panel, out) {
  const pin = pinned();
  const key = await parseKey(pin.key);
  const d = await get(panel.dataset.proof);
  const id = panel.dataset.proof.split("/")[2];
  if (d.manifest?.subject?.id !== id) throw new Error("the server answered with the proof of something else");
  const shown = await check(d, key);
  const rows = [verdict("Integrity", "proved", `${shown.events.length} ${shown.events.length === 1 ? "event hashes" : "events hash"} to the tree of ${shown.size} leaves that the pinned key signed.`)];
  rows.push(await goesOn(pin, key, d.checkpoint));
  rows.push(verdict("Completeness", ...shown.completeness));
  rows.push(compare(shown));
  rows.push(verdict("Authorship", "conditional", "On who told it, and on how they were known: see the facts above."), verdict("Time", "conditional", "On the clocks of the source and of the trail. What witnesses confirmed is the server’s word here: whodid-verify checks it with keys of theirs that you trust."));
  out.replaceChildren(...rows, forget());
}

// verifyHead checks the signed head alone: by whom it is, and that the log goes on from what this browser saw.
async function verifyHead(panel, out) {
  const head = await get("/integrity/head");
  const pin = pinned();
  const key = await parseKey(pin.key);
  const c = await openCheckpoint(head.checkpoint, key);
  out.replaceChildren(verdict("Signature", "proved", `The pinned key signed a tree of ${c.size} leaves.`), await goesOn(pin, key, head.checkpoint), forget());
}

// goesOn holds the signed checkpoint against the last one that this browser saw: a log that was rewritten or put back to an older copy does not go on from there.
async function goesOn(pin, key, signed) {
  const now = await openCheckpoint(signed, key);
  const seen = pin.size === undefined ? { size: 0, root: new Uint8Array(0) } : { size: pin.size, root: hex(pin.root) };
  if (seen.size > now.size) return verdict("History", "refuted", `The log has ${now.size} entries, and this browser has seen ${seen.size}: it was put back to an older copy.`);
  const path = await consistencyFromTiles(seen.size, now.size, (name) => get(`/v1/log/tile/${name}`, "bytes"));
  if (!await consistent(seen.size, seen.root, now.size, now.root, path)) return verdict("History", "refuted", `The log does not go on from the ${seen.size} entries that this browser has seen: it was rewritten.`);
  keep.set("pin", { ...pin, size: now.size, root: toHex(now.root), at: new Date().toISOString() });
  return verdict("History", seen.size ? "proved" : "conditional", seen.size
    ? `The log goes on from the ${seen.size} entries that this browser saw${pin.at ? ` on ${new Date(pin.at).toLocaleString()}` : ""}.`
    : "This browser sees the log for the first time, and remembers it from now on.");
}

// compare holds the rows of this page against the events that are proved.
function compare(shown) {
  const proved = new Map(shown.events.map((e) => [e.event.id, e]));
  const text = (s) => clean(s ?? "");
  let [same, missing, differ] = [0, 0, []];
  for (const li of document.querySelectorAll("[data-event]")) {
    const e = proved.get(li.dataset.event);
    const tick = li.querySelector("[data-tick]");
    const bad = !e ? ["the event"] : ["what", "target", "result"].filter((f) => !e.withheld.includes(f) &&
      (li.querySelector(`[data-f="${f}"]`)?.textContent ?? "") !== (f === "result" ? e.event.result || "unknown" : text(e.event[f])));
    if (!e) missing++;
    if (bad.length) differ.push(li);
    else same++;
    if (tick) {
      tick.className = `tick ${bad.length ? "refuted" : "proved"}`;
      tick.textContent = bad.length ? "✗" : "✓";
      tick.title = bad.length ? `not what is proved: ${bad.join(", ")}` : "what is shown is what is proved";
    }
  }
  if (differ.length) {
    differ[0].scrollIntoView({ block: "center" });
    return verdict("This page", "refuted", `${differ.length} of its rows say something else than what is proved${missing ? `, ${missing} of them about events that are not in the proof` : ""}.`);
  }
  return same ? verdict("This page", "proved", `${same} rows that are shown here say what is proved.`) : verdict("This page", "not shown", "No row of this page is about an event of the proof.");
}
// As the server writes text that could mislead.
const clean = (s) => Array.from(s, (c) => (/^[\p{L}\p{M}\p{N}\p{P}\p{S} \u200c\u200d]$/u.test(c) || /^\p{Zs}$/u.test(c) ? c : escape(c))).join("");
const names = { "\n": "\\n", "\t": "\\t", "\r": "\\r", "\x07": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v" };
const escape = (c) => {
  const n = c.codePointAt(0);
  return names[c] ?? (n < 0x80 ? `\\x${n.toString(16).padStart(2, "0")}` : n < 0x10000 ? `\\u${n.toString(16).padStart(4, "0")}` : `\\U${n.toString(16).padStart(8, "0")}`);
};

// offer asks for the key to trust. The server's own word for it is shown and not taken by itself.
export function offer(head, then) {
  const form = document.createElement("form");
  form.className = "stack";
  const label = Object.assign(document.createElement("label"), { textContent: "Which key do you trust?", htmlFor: "pin" });
  const says = line("Take it from somebody who is not this server: the release notes of your organisation, a colleague’s whodid log key, the checkpoints in git. The server says that it is:");
  const own = Object.assign(document.createElement("code"), { textContent: head.public_key, className: "small" });
  const input = Object.assign(document.createElement("input"), { type: "text", id: "pin", required: true, spellcheck: false, autocomplete: "off" });
  const button = Object.assign(document.createElement("button"), { textContent: "Pin this key and verify", className: "button" });
  const wrong = Object.assign(document.createElement("p"), { className: "bad" });
  wrong.setAttribute("role", "alert");
  form.append(label, says, own, input, button, wrong);
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    try {
      const key = await parseKey(input.value);
      keep.set("pin", { key: key.text });
    } catch (problem) {
      wrong.textContent = `${problem.message}.`;
      return;
    }
    await then();
  });
  return form;
}

export function forget() {
  const p = Object.assign(document.createElement("p"), { className: "pin small muted" });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: "Forget it" });
  button.addEventListener("click", () => {
    localStorage.removeItem("whodid.pin");
    p.replaceChildren("The key is forgotten.");
  });
  p.append("Pinned in this browser: ", Object.assign(document.createElement("code"), { textContent: pinned()?.key ?? "" }), button);
  return p;
}
