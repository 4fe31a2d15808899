// The interest map: a dot for each person, near the topics they like; what the followed video did is colour.
import { h, css, calm, onTheme } from "./dom.js";

const TAU = 2 * Math.PI;
const PULSE = 900; // ms that a newly reached person glows

/** Draws one world. `pick(person)` is called when somebody is chosen with the pointer. */
export class InterestMap {
  constructor({ label, palette, pick }) {
    this.canvas = h("canvas", { role: "img", "aria-label": label, class: "map" });
    this.element = h("div", { class: "mapbox" }, this.canvas);
    this.palette = palette; // (state, source) => [style name, radius factor, ring]
    this.pulses = [];
    this.arcs = [];
    this.chosen = -1;
    this.canvas.addEventListener("click", (event) => {
      const person = this.nearest(event.offsetX, event.offsetY);
      if (person >= 0) pick?.(person);
    });
    new ResizeObserver(() => this.resize()).observe(this.element);
    onTheme(() => this.resize());
  }

  setScene(scene) {
    this.scene = scene;
    this.n = scene.people;
    this.state = new Uint8Array(this.n);
    this.source = new Uint8Array(this.n);
    this.size = new Float32Array(this.n).fill(1);
    const { creator, followers, fans } = scene.columns;
    creator.forEach((person, row) => { this.size[person] = Math.min(3.4, 1.15 + Math.sqrt(followers[row]) / 11); });
    this.fans = fans;
    this.pulses = [];
    this.arcs = [];
    this.resize();
  }

  /** Take over a frame: columns state, source and, of the last round, rows (people) with via (from whom). */
  show({ state, source, rows, via }) {
    if (!this.scene) return;
    const now = performance.now();
    this.state.set(state);
    if (source) this.source.set(source);
    rows?.forEach((person, i) => {
      if (!calm()) this.pulses.push([person, now]);
      if (via[i] >= 0) this.arcs.push([via[i], person]);
    });
    if (this.arcs.length > 1500) this.arcs.splice(0, this.arcs.length - 1500);
    this.ask();
  }

  choose(person) {
    this.chosen = person;
    this.ask();
  }

  // ------------------------------------------------------------------ places

  resize() {
    const { clientWidth: w, clientHeight: height } = this.element;
    if (!w || !height || !this.scene) return;
    const dense = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.round(w * dense);
    this.canvas.height = Math.round(height * dense);
    this.canvas.style.width = `${w}px`;
    this.canvas.style.height = `${height}px`;
    Object.assign(this, { w, height, dense });
    // The disc is stretched to the box: an ellipse wastes less of a wide screen.
    this.rx = (w - 24) / 2;
    this.ry = (height - 24) / 2;
    const { x, y } = this.scene.columns;
    this.px = x.map((v) => w / 2 + v * this.rx);
    this.py = y.map((v) => height / 2 + v * this.ry);
    this.dot = Math.max(1.15, Math.min(3.4, (Math.min(this.rx, this.ry) / 118) * Math.sqrt(2000 / Math.max(this.n, 600))));
    this.backdrop();
    this.ask();
  }

  nearest(x, y) {
    let best = -1;
    let least = 14 * 14;
    for (let i = 0; i < (this.n ?? 0); i++) {
      const d = (this.px[i] - x) ** 2 + (this.py[i] - y) ** 2;
      if (d < least) [best, least] = [i, d];
    }
    return best;
  }

  // ----------------------------------------------------------------- drawing

  /** What does not change: clouds of topics, their names, and everybody as not reached. */
  backdrop() {
    this.still = document.createElement("canvas");
    this.still.width = this.canvas.width;
    this.still.height = this.canvas.height;
    const g = this.still.getContext("2d");
    g.scale(this.dense, this.dense);
    const { topics, columns } = this.scene;
    const cloud = css("--cloud");
    topics.forEach((topic, k) => {
      const [cx, cy] = [this.w / 2 + topic.x * this.rx, this.height / 2 + topic.y * this.ry];
      const r = Math.max(0, Math.min(this.rx, this.ry)) * 0.42;
      const glow = g.createRadialGradient(cx, cy, 0, cx, cy, r);
      const hue = Math.round((360 * k) / topics.length + 200) % 360;
      glow.addColorStop(0, `hsl(${hue} ${cloud})`);
      glow.addColorStop(1, `hsl(${hue} ${cloud.replace(/\/.*$/, "/ 0")})`);
      g.fillStyle = glow;
      g.fillRect(cx - r, cy - r, 2 * r, 2 * r);
    });
    g.fillStyle = css("--s0");
    g.beginPath();
    for (let i = 0; i < this.n; i++) {
      const r = this.dot * this.size[i];
      g.moveTo(this.px[i] + r, this.py[i]);
      g.arc(this.px[i], this.py[i], r, 0, TAU);
    }
    g.fill();
    g.font = `600 ${Math.max(12, Math.min(17, this.w / 50))}px ${css("--font")}`;
    g.textAlign = "center";
    g.textBaseline = "middle";
    g.lineWidth = 4;
    g.lineJoin = "round";
    g.strokeStyle = css("--map");
    g.fillStyle = css("--soft");
    for (const topic of topics) {
      const x = Math.max(46, Math.min(this.w - 46, this.w / 2 + topic.x * this.rx * 1.2));
      const y = Math.max(12, Math.min(this.height - 12, this.height / 2 + topic.y * this.ry * 1.24));
      g.strokeText(topic.name, x, y);
      g.fillText(topic.name, x, y);
    }
    void columns;
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
    });
  }

  draw() {
    if (!this.still || !this.px) return;
    const g = this.canvas.getContext("2d");
    const now = performance.now();
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, this.canvas.width, this.canvas.height);
    g.drawImage(this.still, 0, 0);
    g.scale(this.dense, this.dense);
    const author = this.scene.video?.person ?? -1;
    if (author >= 0) this.ties(g, author);
    if (this.arcs.length) this.cascade(g);
    this.people(g);
    this.pulses = this.pulses.filter(([, at]) => now - at < PULSE);
    for (const [person, at] of this.pulses) {
      const part = (now - at) / PULSE;
      g.globalAlpha = (1 - part) * 0.7;
      g.strokeStyle = css(this.palette(this.state[person], this.source[person])[0]);
      g.lineWidth = 1.6;
      g.beginPath();
      g.arc(this.px[person], this.py[person], this.dot * (1.4 + 5 * part), 0, TAU);
      g.stroke();
    }
    g.globalAlpha = 1;
    if (author >= 0) this.star(g, this.px[author], this.py[author], this.dot * this.size[author] + 5);
    if (this.chosen >= 0) {
      g.strokeStyle = css("--ink");
      g.lineWidth = 2.5;
      g.beginPath();
      g.arc(this.px[this.chosen], this.py[this.chosen], this.dot * 3.4, 0, TAU);
      g.stroke();
    }
    this.drawn = (this.drawn ?? 0) + 1;
    this.canvas.dataset.drawn = this.drawn;
    if (this.pulses.length) this.ask();
  }

  ties(g, author) {
    g.strokeStyle = css("--tie");
    g.lineWidth = 0.7;
    g.beginPath();
    for (const fan of this.fans.length > 400 ? this.fans.slice(0, 400) : this.fans) {
      g.moveTo(this.px[author], this.py[author]);
      g.lineTo(this.px[fan], this.py[fan]);
    }
    g.stroke();
  }

  cascade(g) {
    g.strokeStyle = css("--arc");
    g.lineWidth = 1.1;
    g.globalAlpha = 0.55;
    g.beginPath();
    for (const [from, to] of this.arcs) {
      const [x0, y0, x1, y1] = [this.px[from], this.py[from], this.px[to], this.py[to]];
      g.moveTo(x0, y0);
      g.quadraticCurveTo((x0 + x1) / 2 + (y1 - y0) * 0.16, (y0 + y1) / 2 - (x1 - x0) * 0.16, x1, y1);
    }
    g.stroke();
    g.globalAlpha = 1;
  }

  people(g) {
    const groups = new Map();
    for (let i = 0; i < this.n; i++) {
      if (this.state[i] === 0) continue;
      const style = this.palette(this.state[i], this.source[i]);
      const key = style.join();
      if (!groups.has(key)) groups.set(key, [style, []]);
      groups.get(key)[1].push(i);
    }
    for (const [[name, factor, ring], rows] of groups.values()) {
      const colour = css(name);
      g.fillStyle = colour;
      g.strokeStyle = colour;
      g.lineWidth = 1.4;
      g.beginPath();
      for (const i of rows) {
        const r = this.dot * factor * this.size[i];
        g.moveTo(this.px[i] + r, this.py[i]);
        g.arc(this.px[i], this.py[i], r, 0, TAU);
      }
      g.fill();
      if (!ring) continue;
      g.beginPath();
      for (const i of rows) {
        const r = this.dot * factor * this.size[i] + 2.2;
        g.moveTo(this.px[i] + r, this.py[i]);
        g.arc(this.px[i], this.py[i], r, 0, TAU);
      }
      g.stroke();
    }
  }

  star(g, x, y, r) {
    g.beginPath();
    for (let k = 0; k < 10; k++) {
      const angle = (k * Math.PI) / 5 - Math.PI / 2;
      const reach = k % 2 ? r * 0.45 : r;
      g[k ? "lineTo" : "moveTo"](x + reach * Math.cos(angle), y + reach * Math.sin(angle));
    }
    g.closePath();
    g.fillStyle = css("--ink");
    g.strokeStyle = css("--map");
    g.lineWidth = 2;
    g.stroke();
    g.fill();
  }
}

/** Colours of what somebody did with the followed video. */
export const DID = [
  ["--s0", 1, false], ["--s1", 1.15, false], ["--s2", 1.25, false], ["--s3", 1.4, false], ["--s4", 1.4, true],
];
export const DID_WORDS = ["not reached", "scrolled on", "watched", "liked or commented", "shared"];

/** A legend whose marks look like the dots. */
export function legend(words, styles) {
  return h("ul", { class: "legend" }, words.map((word, i) =>
    h("li", {}, h("i", { class: styles[i][2] ? "ring" : "", style: { "--c": `var(${styles[i][0]})` } }), word, " ", h("b", { data: { legend: i } }))));
}
