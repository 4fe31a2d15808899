// Line charts in SVG: real text, readable by assistive technology, with the same numbers as a table.
import { h, count } from "./dom.js";

const [H, LEFT, RIGHT, TOP, BOTTOM] = [230, 58, 62, 14, 36];

/** Steps of 1, 2 or 5 from `low` up to `top`. */
function ticks(low, top, wanted = 4) {
  const raw = (top - low) / wanted;
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * size).find((s) => s >= raw * 0.9999);
  const found = [];
  for (let k = 0; low + k * step <= top * 1.0001; k++) found.push(low + k * step);
  return found;
}

/** A chart of series over a fixed span of x. `number` writes values, `tick` those at the axis, `end(name)` what stands at the end of a line. */
export class LineChart {
  constructor({ title, x, y, span, low = 0, top = 0, number = count, tick = number, end = null, hoursToDays = false, fixed = false, width = 440 }) {
    Object.assign(this, { title, span, width, low, least: top, number, tick, end, hoursToDays, fixed, xName: x, yName: y });
    this.series = new Map();
    this.marks = [];
    this.svg = h("svg:svg", { viewBox: `0 0 ${width} ${H}`, role: "img", "aria-label": title, class: "chart" });
    this.axes = h("svg:g", { class: "axes" });
    this.back = h("svg:g", { class: "ghosts" });
    this.front = h("svg:g");
    this.svg.append(this.axes, this.back, this.front);
    this.caption = h("figcaption", {}, title);
    this.table = h("table");
    const details = h("details", { ontoggle: () => details.open && this.fill() }, h("summary", {}, "Show as table"), h("div", { class: "scroll" }, this.table));
    this.details = details;
    this.element = h("figure", { class: "card chartbox" }, this.caption, this.svg, details);
    this.reset();
  }

  reset(span = this.span) {
    this.span = span;
    this.series.clear();
    this.marks = [];
    this.ghosts = [];
    this.line = null;
    this.top = 0;
    this.back.replaceChildren();
    this.front.replaceChildren();
    this.axis(this.least || 1);
  }

  /** Name a series: its colour class, its dash and the label at its end. */
  define(name, { kind, dash = "", label = name }) {
    const path = h("svg:path", { class: `line ${kind}`, "stroke-dasharray": dash });
    const end = h("svg:text", { class: `end ${kind}` }, label);
    this.front.append(path, end);
    this.series.set(name, { points: [], path, end, label });
    return this;
  }

  add(name, x, y) {
    if (y === null || y === undefined) return;
    const { points } = this.series.get(name);
    if (points.length && points.at(-1)[0] >= x) return;
    points.push([x, y]);
  }

  /** All points of a series at once. */
  set(name, points) {
    this.series.get(name).points = points;
  }

  ghost(points) {
    const path = h("svg:path", { class: "ghost" });
    this.ghosts.push({ points, path });
    this.back.append(path);
    this.draw();
  }

  /** A dashed level with a word, such as the bet. */
  level(y, word) {
    this.line?.group.remove();
    const group = h("svg:g", { class: "level" }, h("svg:line"), h("svg:text", {}, word));
    this.line = { y, group };
    this.front.append(group);
    this.draw();
  }

  /** A tick at x, such as a change of a knob. */
  mark(x, kind) {
    const line = h("svg:line", { class: `mark ${kind}` });
    this.marks.push({ x, line });
    this.front.append(line);
  }

  px(x) { return LEFT + ((this.width - LEFT - RIGHT) * x) / this.span; }
  py(y) { return H - BOTTOM - ((H - TOP - BOTTOM) * (y - this.low)) / (this.top - this.low); }

  axis(top) {
    if (top === this.top) return;
    this.top = top;
    const unit = this.hoursToDays && this.span > 72 ? 24 : 1;
    const name = unit === 24 ? this.xName.replace("hours", "days") : this.xName;
    this.axes.replaceChildren(
      ...ticks(this.low, top).map((v) => h("svg:g", {}, h("svg:line", { x1: LEFT, x2: this.width - RIGHT, y1: this.py(v), y2: this.py(v) }),
        h("svg:text", { x: LEFT - 6, y: this.py(v) + 4, "text-anchor": "end" }, this.tick(v)))),
      ...ticks(0, this.span / unit, 6).map((v) => h("svg:text", { x: this.px(v * unit), y: H - BOTTOM + 16, "text-anchor": "middle" }, String(+v.toFixed(2)))),
      h("svg:text", { x: (LEFT + this.width - RIGHT) / 2, y: H - 3, "text-anchor": "middle", class: "name" }, name),
      h("svg:text", { x: 11, y: TOP + (H - TOP - BOTTOM) / 2, "text-anchor": "middle", class: "name", transform: `rotate(-90 11 ${TOP + (H - TOP - BOTTOM) / 2})` }, this.yName));
  }

  draw() {
    let highest = Math.max(this.least, this.line?.y ?? 0);
    if (!this.fixed) for (const { points } of [...this.series.values(), ...this.ghosts]) for (const [, y] of points) highest = Math.max(highest, y);
    const grid = ticks(this.low, highest * 1.02 || 1);
    const top = this.fixed ? this.least : grid.at(-1) >= highest ? grid.at(-1) : grid.at(-1) + (grid[1] ?? 1);
    this.axis(top);
    const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${this.px(x).toFixed(1)} ${this.py(y).toFixed(1)}`).join("");
    for (const { points, path: line } of this.ghosts) line.setAttribute("d", path(points));
    const ends = [];
    for (const s of this.series.values()) {
      s.path.setAttribute("d", path(s.points));
      const last = s.points.at(-1);
      s.end.setAttribute("visibility", last ? "visible" : "hidden");
      if (last) ends.push({ s, x: this.px(last[0]) + 5, y: this.py(last[1]) + 4, value: last[1] });
    }
    ends.sort((a, b) => a.y - b.y);
    ends.forEach((e, i) => { if (i && e.y < ends[i - 1].y + 14) e.y = ends[i - 1].y + 14; });
    for (const { s, x, y, value } of ends) {
      s.end.setAttribute("x", x);
      s.end.setAttribute("y", y);
      const text = this.end ? this.end(s.label) : `${s.label} ${this.number(value)}`.trim();
      if (s.end.textContent !== text) s.end.textContent = text;
    }
    if (this.line) {
      const [line, word] = this.line.group.children;
      const y = this.py(this.line.y);
      for (const [k, v] of Object.entries({ x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y })) line.setAttribute(k, v);
      word.setAttribute("x", this.width - RIGHT);
      word.setAttribute("y", ends.some((e) => e.y < y) ? y + 16 : y - 5); // not where the curve ends
    }
    for (const { x, line } of this.marks) {
      for (const [k, v] of Object.entries({ x1: this.px(x), x2: this.px(x), y1: H - BOTTOM, y2: H - BOTTOM - 12 })) line.setAttribute(k, v);
    }
    if (this.details.open) this.fill();
  }

  /** Write the table: every point, thinned to forty rows. */
  fill() {
    const names = [...this.series.keys()];
    const rows = new Map();
    for (const name of names) for (const [x, y] of this.series.get(name).points) rows.set(x, { ...rows.get(x), [name]: y });
    const xs = [...rows.keys()].sort((a, b) => a - b);
    const step = Math.max(1, Math.ceil(xs.length / 40));
    const kept = xs.filter((_, i) => i % step === 0 || i === xs.length - 1);
    this.table.replaceChildren(
      h("caption", { class: "sr" }, this.title),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, this.xName), names.map((name) => h("th", { scope: "col" }, this.series.get(name).label || name)))),
      h("tbody", {}, kept.map((x) => h("tr", {}, h("th", { scope: "row" }, String(+x.toFixed(2))), names.map((name) => h("td", {}, rows.get(x)[name] === undefined ? "" : this.number(rows.get(x)[name])))))));
  }
}

/** Horizontal bars with names and numbers; widths are shares of the largest. */
export function bars(rows, number = count) {
  const top = Math.max(1e-9, ...rows.map((row) => row.value));
  return h("ul", { class: "bars" }, rows.map(({ name, value, kind = "", note = "" }) =>
    h("li", { title: note }, h("span", { class: "name" }, name), h("span", { class: "track" }, h("i", { class: kind, style: { width: `${(100 * value) / top}%` } })), h("b", {}, number(value)))));
}
