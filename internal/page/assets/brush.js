// Chooses a time on the chart: drag over columns, or hold shift and go with the arrow keys, then Enter.
export function brush() {
  document.addEventListener("pointerdown", (e) => {
    const chart = e.target.closest?.("[data-brush]");
    if (!chart || e.button !== 0) return;
    const first = columnAt(chart, e.clientX);
    let last = first;
    let moved = false;
    chart.toggleAttribute("data-busy", true); // nothing takes it away meanwhile
    const move = (m) => {
      if (Math.abs(m.clientX - e.clientX) < 6 && !moved) return;
      moved = true;
      last = columnAt(chart, m.clientX);
      paint(chart, first, last);
    };
    const done = () => {
      chart.removeAttribute("data-busy");
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", done);
      paint(chart, -1, -1);
    };
    const up = () => {
      done();
      if (!moved) return;
      chart.addEventListener("click", (c) => c.preventDefault(), { once: true, capture: true });
      go(chart, first, last);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", done);
  });
  document.addEventListener("dragstart", (e) => { if (e.target.closest?.("[data-brush]")) e.preventDefault(); });

  let anchor = -1;
  document.addEventListener("keydown", (e) => {
    const chart = e.target.closest?.("[data-brush]");
    if (!chart) return;
    const all = columns(chart);
    const here = all.indexOf(e.target.closest("a"));
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    if (step) {
      const next = Math.min(Math.max(here + step, 0), all.length - 1);
      if (e.shiftKey && anchor < 0) anchor = here;
      if (!e.shiftKey) anchor = -1;
      all[next].focus();
      paint(chart, anchor, anchor < 0 ? -1 : next);
    } else if (e.key === "Enter" && anchor >= 0) {
      go(chart, anchor, here);
    } else return;
    e.preventDefault();
  });
}

const columns = (chart) => [...chart.querySelectorAll("a")];

function columnAt(chart, x) {
  const box = chart.getBoundingClientRect();
  const n = columns(chart).length;
  return Math.min(Math.max(Math.floor((x - box.left) / box.width * n), 0), n - 1);
}

function paint(chart, a, b) {
  const rect = chart.querySelector(".brush");
  const width = 1000 / columns(chart).length;
  rect.setAttribute("x", String(Math.min(a, b) * width));
  rect.setAttribute("width", String(a < 0 ? 0 : (Math.abs(b - a) + 1) * width));
}

function go(chart, a, b) {
  const all = columns(chart);
  const to = new URL(location.href);
  to.searchParams.set("since", all[Math.min(a, b)].dataset.from);
  to.searchParams.set("until", all[Math.max(a, b)].dataset.to);
  to.searchParams.delete("after");
  location.assign(to);
}
