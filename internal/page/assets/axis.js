// The axis below a chart of times: marks at moments that people name, in the reader's zone. As it is served it has them in UTC.
const [minute, hour] = [60_000, 3_600_000];
// How far marks may be apart: by months, by days, or by a part of a day.
const steps = [
  ...[1, 5, 15, 30].map((n) => ({ length: n * minute, minutes: n })), ...[1, 3, 6, 12].map((n) => ({ length: n * hour, minutes: n * 60 })),
  ...[1, 2, 7].map((n) => ({ length: n * 24 * hour, days: n })), ...[1, 3, 12, 60, 120].map((n) => ({ length: n * 30 * 24 * hour, months: n })),
];
const format = (o) => { const f = new Intl.DateTimeFormat(undefined, o); return (at) => f.format(at); };
const [clock, date, month, year] = [{ hour: "numeric", minute: "2-digit" }, { month: "short", day: "numeric" }, { month: "short", year: "numeric" }, { year: "numeric" }].map(format);

// marks are the moments between two, no more than so many: whole hours and quarters of a day, midnights, Mondays, first days of months.
export function marks(from, to, most) {
  for (const step of steps) {
    const out = [];
    if ((to - from) / step.length > most + 1) continue;
    const d = new Date(from);
    const [y, m, day] = [d.getFullYear(), d.getMonth(), d.getDate()];
    const days = Date.UTC(y, m, day) / (24 * hour); // since 1970-01-01, which was a Thursday
    const since = (n) => (n === 7 ? (days + 3) % 7 : days % n);
    const at = (n) => {
      if (step.months) return new Date(0, (Math.floor(((y - 1900) * 12 + m) / step.months) + n) * step.months, 1);
      if (step.days) return new Date(y, m, day - since(step.days) + n * step.days);
      return new Date(y, m, day, 0, n * step.minutes);
    };
    const names = step.minutes ? (t) => (t.getHours() + t.getMinutes() ? clock(t) : date(t)) : step.days ? date : step.months < 12 ? month : year;
    for (let n = 0, t = at(0); t < to; t = at(++n)) if (t >= from && t > (out.at(-1)?.at ?? 0)) out.push({ at: t, name: names(t) });
    if (out.length <= most) return out;
  }
  return [];
}

export function axes(root) {
  const most = matchMedia("(max-width: 48rem)").matches ? 5 : 9;
  for (const axis of root.querySelectorAll("[data-axis]")) {
    const [from, to] = axis.dataset.axis.split(" ").map(Date.parse);
    axis.replaceChildren(...marks(from, to, most).map(({ at, name }) => {
      const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
      text.setAttribute("x", `${((at - from) / (to - from) * 100).toFixed(4)}%`);
      text.setAttribute("y", "12");
      text.textContent = name;
      return text;
    }));
  }
}
