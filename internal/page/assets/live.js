// Follows the log from where the page was made, and takes the parts of the page that changed from a new one.
const rest = 1500; // milliseconds between two looks, at least

export function live(times) {
  const stream = document.querySelector("[data-stream]");
  if (!stream || !("EventSource" in window)) return;
  const button = document.querySelector("[data-live-switch]");
  let source, timer;
  let pause = rest;
  let from = stream.dataset.from;
  let on = true;

  const look = async () => {
    timer = undefined;
    if (document.hidden) return;
    const began = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      times(next);
      swap(next);
    } catch { /* the next event tries again */ }
    pause = Math.max(rest, 5 * (performance.now() - began)); // a server that is slow is asked less
  };
  const start = () => {
    source = new EventSource(`/v1/tail?from=${from}&q=${encodeURIComponent(stream.dataset.stream)}`);
    source.addEventListener("event", (e) => {
      from = Number(e.lastEventId) + 1;
      timer ??= setTimeout(look, pause);
    });
  };
  const stop = () => { source?.close(); source = undefined; };

  button?.addEventListener("click", () => {
    on = !on;
    button.setAttribute("aria-pressed", String(on));
    if (on) start();
    else stop();
  });
  document.addEventListener("visibilitychange", () => {
    if (!on) return;
    if (document.hidden) stop();
    else if (!source) start();
  });
  start();
}

// swap replaces the parts that changed, except one that the reader is at work in.
function swap(next) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = next.querySelector(`[data-live="${part.dataset.live}"]`);
    if (!fresh || part.matches("[data-busy], :focus-within") || part.querySelector("[data-busy]")) continue;
    if (part.matches("[data-actions]") && part.children.length > fresh.children.length) continue; // more of them are here already
    if (part.querySelector("details[open]:not(.wide-open)") || fresh.outerHTML === part.outerHTML) continue;
    for (const d of fresh.querySelectorAll(".wide-open")) d.open = part.querySelector(".wide-open")?.open ?? true;
    part.replaceWith(fresh);
  }
}
