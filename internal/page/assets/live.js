// Follows the log, and takes the parts of the page that changed from a new one.
const rest = 1500; // milliseconds between two looks

export function live(times) {
  const button = document.querySelector("[data-live-switch]");
  const follows = document.querySelector("[data-follow]");
  if (!("EventSource" in window) || (!button && !follows && !document.querySelector(".empty[data-live]"))) return;
  let source, timer;
  let on = true;

  const look = async () => {
    timer = undefined;
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      times(next);
      swap(next);
    } catch { /* the next event tries again */ }
  };
  const start = () => {
    const of = follows ? `execution:${follows.dataset.follow}` : "type:execution.*";
    source = new EventSource(`/v1/tail?q=${encodeURIComponent(of)}`);
    source.addEventListener("event", () => { timer ??= setTimeout(look, rest); });
  };
  const stop = () => { source?.close(); source = undefined; };

  button?.addEventListener("click", () => {
    on = !on;
    button.setAttribute("aria-pressed", String(on));
    if (on) { start(); look(); } else stop();
  });
  document.addEventListener("visibilitychange", () => {
    if (!on) return;
    if (document.hidden) stop();
    else if (!source) { start(); look(); }
  });
  start();
}

// swap replaces the parts that changed, except one that the reader is at work in.
function swap(next) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = next.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!fresh || part.contains(document.activeElement) && document.activeElement !== document.body) continue;
    if (part.querySelector("details[open]:not(.wide-open)") || fresh.outerHTML === part.outerHTML) continue;
    for (const d of fresh.querySelectorAll(".wide-open")) d.open = part.querySelector(".wide-open")?.open ?? true;
    part.replaceWith(fresh);
  }
}
