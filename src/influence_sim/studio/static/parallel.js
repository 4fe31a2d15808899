// Lesson "Parallel worlds": eight charts of the same songs, after the Music Lab experiment.
import { h, say, count, plain, css, onTheme } from "./dom.js";
import { LineChart } from "./charts.js";
import { Knobs, betCard } from "./controls.js";
import { Screen } from "./screen.js";

export class ParallelScreen extends Screen {
  body() {
    this.board = h("div", { class: "boards" });
    this.song = -1;
    this.knobs = new Knobs(this.source.knobs ? this.source.knobs(this.lesson.knobs) : this.lesson.knobs, "all", (_, settings) => this.turn("all", settings));
    const input = h("input", { type: "range", min: 1, max: 8, value: 4, id: "bet", oninput: () => say(out, input.value) });
    const out = h("output", {}, "4");
    this.bet = betCard({ question: "How many different songs will be on top, over the eight worlds?", input: h("div", { class: "betline" }, h("label", { for: "bet" }, "Different hits"), input, out), read: () => Number(input.value), done: (bet) => this.placed(bet) });
    this.numbers = h("dl", { class: "numbers" });
    this.spread = new Spread();
    const make = (title, y, top) => new LineChart({ title, x: "hours", y, span: this.lesson.hours, top, number: (x) => plain(x, 3), tick: (x) => plain(x, 2), hoursToDays: true });
    this.charts = [make("Inequality of success (Gini of likes)", "Gini", 1), make("Unpredictability (mean gap between worlds)", "share of likes", 0.01)];
    this.chosen = h("p", { class: "help", role: "status" }, "Choose a song to follow it through all worlds.");
    return h("div", { class: "parallel" }, this.bet,
      h("div", { class: "card" }, h("h2", {}, "The charts of eight worlds"), h("p", { class: "help" }, "Each row is a song, most played on top. The stronger the colour, the better the song is when heard alone."), this.board, this.chosen),
      this.transport.element, this.status,
      h("div", { class: "under" }, h("div", { class: "card" }, h("h2", {}, "How much do others count?"), this.knobs.element, this.numbers,
        this.luckBox("Songs")), this.spread.element, this.charts.map((c) => c.element)));
  }

  scene(scene) {
    this.quality = [...scene.columns.quality];
    const order = this.quality.map((_, i) => i).sort((a, b) => this.quality[a] - this.quality[b]);
    this.rank = [];
    order.forEach((song, place) => { this.rank[song] = place / (order.length - 1); });
    this.rows = this.lesson.worlds.map((name) => {
      const list = h("ol", { "aria-label": `World ${name}` }, scene.songs.map((song, k) => h("li", {}, h("button", { data: { song: k }, tabindex: -1, onclick: () => this.pick(k), style: { "--q": this.rank[k] }, title: song.name }, h("span", {}, song.name), h("i")))));
      return { name, list, items: [...list.children] };
    });
    this.board.replaceChildren(...this.rows.map(({ name, list }) => h("section", { class: "board" }, h("h3", {}, `World ${name}`), list)));
    this.knobs.set(this.settings.all ?? {});
    for (const chart of this.charts) chart.reset(scene.hours), chart.define("all", { kind: "a", label: "" });
    this.spread.start(this.quality, this.lesson.worlds.length);
  }

  frame(frame) {
    this.settings.all = frame.worlds[0].settings;
    this.knobs.set(this.settings.all);
    const shares = [];
    frame.worlds.forEach((_, w) => {
      const plays = frame.columns[`plays${w}`];
      const likes = frame.columns[`likes${w}`];
      const total = likes.reduce((a, b) => a + b, 0) || 1;
      shares.push([...likes].map((x) => x / total));
      const top = Math.max(1, ...plays);
      const order = [...plays.keys()].sort((a, b) => plays[b] - plays[a] || a - b);
      const { items } = this.rows[w];
      order.forEach((song, place) => {
        const item = items[song];
        item.style.setProperty("--place", place);
        item.classList.toggle("top", place < 3);
        item.firstChild.tabIndex = place < 3 ? 0 : -1;
        item.firstChild.lastChild.style.width = `${(100 * plays[song]) / top}%`;
      });
    });
    if (frame.worlds[0].turned) this.charts.forEach((c) => c.mark(frame.hour, "a"));
    this.charts[0].add("all", frame.hour, frame.gini);
    this.charts[1].add("all", frame.hour, frame.unpredictability);
    this.charts.forEach((c) => c.draw());
    this.spread.show(shares);
    const plays = frame.worlds.reduce((sum, w) => sum + w.plays, 0);
    const numbers = [["different hits", frame.hits === null ? "–" : String(frame.hits)], ["inequality", plain(frame.gini, 2)], ["unpredictability", plain(frame.unpredictability, 4)], ["plays", count(plays)]];
    if (!this.numbers.childElementCount) this.numbers.append(...numbers.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", { data: { number: name } }))));
    numbers.forEach(([, text], k) => say(this.numbers.children[k].lastChild, text));
    const bet = frame.over && this.betValue ? ` Your bet was ${this.betValue}.` : "";
    say(this.status, frame.hits === null ? "Nobody has liked anything yet." : `${frame.hits === 1 ? "One song leads in all eight worlds" : `${frame.hits} different songs lead the eight worlds`} after ${count(frame.hour / 24)} days.${bet}`);
  }

  pick(song) {
    this.song = this.song === song ? -1 : song;
    for (const button of this.board.querySelectorAll("button")) button.classList.toggle("picked", Number(button.dataset.song) === this.song);
    this.spread.pick(this.song);
    if (this.song < 0) return say(this.chosen, "Choose a song to follow it through all worlds.");
    const places = this.rows.map(({ items }) => 1 + Number(items[this.song].style.getPropertyValue("--place")));
    say(this.chosen, `${this.sceneData.songs[this.song].name}: place ${places.join(", ")} in worlds 1 to 8; by quality it is number ${this.quality.length - Math.round(this.rank[this.song] * (this.quality.length - 1))}.`);
  }
}

/** Success in every world against quality: a column of dots for each song. */
class Spread {
  constructor() {
    this.canvas = h("canvas", { role: "img", "aria-label": "Share of likes of each song in each world, songs ordered by quality" });
    this.element = h("figure", { class: "card spread" }, h("figcaption", {}, "The same song in eight worlds"), this.canvas, h("p", { class: "help" }, "Left: the weakest song, right: the best. Height: its share of a world's likes; a column is one song."));
    new ResizeObserver(() => this.draw()).observe(this.element);
    onTheme(() => this.draw());
    this.song = -1;
  }

  start(quality, worlds) {
    this.order = quality.map((_, i) => i).sort((a, b) => quality[a] - quality[b]);
    this.shares = Array.from({ length: worlds }, () => quality.map(() => 0));
    this.draw();
  }

  show(shares) {
    this.shares = shares;
    this.draw();
  }

  pick(song) {
    this.song = song;
    this.draw();
  }

  draw() {
    if (!this.order) return;
    const w = Math.max(200, this.element.clientWidth - 32);
    const height = 190;
    const dense = Math.min(2, devicePixelRatio || 1);
    Object.assign(this.canvas, { width: w * dense, height: height * dense });
    this.canvas.style.width = `${w}px`;
    this.canvas.style.height = `${height}px`;
    const g = this.canvas.getContext("2d");
    g.scale(dense, dense);
    const top = Math.max(0.06, ...this.shares.flat());
    const x = (k) => 40 + ((w - 50) * k) / (this.order.length - 1);
    const y = (v) => height - 16 - ((height - 26) * v) / top;
    g.font = `12px ${css("--font")}`;
    g.fillStyle = css("--soft");
    g.strokeStyle = css("--line");
    for (const part of [0, 0.5, 1]) {
      g.fillText(`${Math.round(100 * top * part)} %`, 2, y(top * part) + 4);
      g.beginPath();
      g.moveTo(36, y(top * part));
      g.lineTo(w, y(top * part));
      g.stroke();
    }
    this.order.forEach((song, k) => {
      const picked = song === this.song;
      const values = this.shares.map((world) => world[song]);
      g.strokeStyle = g.fillStyle = css(picked ? "--b" : "--a");
      g.globalAlpha = picked ? 1 : 0.3;
      g.lineWidth = picked ? 2.5 : 1.5;
      g.beginPath();
      g.moveTo(x(k), y(Math.min(...values)));
      g.lineTo(x(k), y(Math.max(...values)));
      g.stroke();
      g.globalAlpha = picked ? 1 : 0.65;
      for (const v of values) {
        g.beginPath();
        g.arc(x(k), y(v), picked ? 3.6 : 2.2, 0, 7);
        g.fill();
      }
    });
    g.globalAlpha = 1;
  }
}
