// What every page does with a script: times in the reader's zone, keys, themes, copying, and the parts that only some pages have. All of it is an
// addition; without it the pages can be read and their forms sent.
import { keys } from "./keys.js";
import { live } from "./live.js";
import { complete } from "./complete.js";
import { brush } from "./brush.js";
import { proof } from "./proof.js";
import { passkeys } from "./passkey.js";
import { axes } from "./axis.js";

const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const minute = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const second = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

// times are in UTC as they are served; here they become the reader's own, and UTC stays under the pointer.
function times(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const exact = t.closest("dd, .exact");
    const year = 300 * 24 * 3600 * 1000;
    t.textContent = exact ? second.format(at) : Math.abs(Date.now() - at) < year ? minute.format(at) : day.format(at);
    if (!t.title.includes(zone)) t.title = `${t.title}\n${second.format(at)} (${zone})`;
  }
  axes(root);
}

function copying(root) {
  root.addEventListener("click", async (e) => {
    const button = e.target.closest("[data-copy], [data-copy-text]");
    if (!button) return;
    const text = button.dataset.copyText ?? button.parentElement.querySelector("code").textContent;
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it";
    }
    setTimeout(() => { button.textContent = said; }, 1500);
  });
}

function themes() {
  const root = document.documentElement;
  const order = ["", "light", "dark"];
  const button = document.querySelector("[data-theme-switch]");
  const say = () => { if (button) button.textContent = `Theme: ${root.dataset.theme || "system"}`; };
  const turn = () => {
    const next = order[(order.indexOf(root.dataset.theme ?? "") + 1) % order.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    try {
      localStorage.setItem("whodid.theme", next);
    } catch { /* it holds for this page */ }
    say();
  };
  button?.addEventListener("click", turn);
  say();
  return turn;
}

// more fetches the next rows as the reader comes near the end of a list.
function more() {
  if (!("IntersectionObserver" in window)) return;
  const list = document.querySelector("[data-actions]");
  const watch = () => {
    const link = document.querySelector("[data-more]");
    if (!list || !link) return;
    const seen = new IntersectionObserver(async (entries) => {
      if (!entries.some((e) => e.isIntersecting)) return;
      seen.disconnect();
      try {
        const answer = await fetch(link.href.replace("#", "&part=actions#"), { headers: { accept: "text/html" } });
        if (!answer.ok) return;
        const next = new DOMParser().parseFromString(await answer.text(), "text/html");
        const rows = next.querySelector("[data-actions]");
        times(rows);
        list.append(...rows.children);
        const onward = next.querySelector("[data-more]");
        if (onward) link.href = onward.getAttribute("href").replace("&part=actions", "");
        else link.parentElement.remove();
        watch();
      } catch { /* the link still leads there */ }
    }, { rootMargin: "3000px" });
    seen.observe(link);
  };
  watch();
}

// An action that is linked to is opened.
function target() {
  const open = () => {
    const li = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = li && li.querySelector?.(":scope > details");
    if (details) {
      details.open = true;
      li.scrollIntoView({ block: "center" });
    }
  };
  addEventListener("hashchange", open);
  open();
}

const small = matchMedia("(max-width: 48rem)");
const fold = () => { for (const d of document.querySelectorAll(".menu")) d.open = !small.matches; };
fold();
small.addEventListener("change", fold);
for (const d of document.querySelectorAll(".wide-open")) d.open = !matchMedia("(max-width: 60rem)").matches;

times(document);
copying(document);
keys(themes());
complete();
brush();
live(times);
more();
target();
proof();
passkeys();
