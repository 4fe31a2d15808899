// The start page: what can be explored, with a picture drawn for each lesson.
import { h } from "./dom.js";

const dice = (k) => { const x = Math.sin(k * 127.1) * 43758.5453; return x - Math.floor(x); };

/** Small drawings, made of the same marks as the lessons. */
const ART = {
  follow() {
    const dots = Array.from({ length: 90 }, (_, k) => {
      const ring = Math.sqrt(dice(k) * 0.96 + 0.04);
      return [120 + 108 * ring * Math.cos(k * 2.4), 66 + 54 * ring * Math.sin(k * 2.4), ring];
    });
    const reached = dots.filter(([, , r], k) => r < 0.55 || k % 7 === 0);
    return [dots.map(([x, y]) => h("svg:circle", { cx: x, cy: y, r: 3, class: "dot" })),
      reached.map(([x, y]) => h("svg:path", { d: `M120 66 Q${(120 + x) / 2 + (y - 66) * 0.2} ${(66 + y) / 2 - (x - 120) * 0.2} ${x} ${y}`, class: "arc" })),
      reached.map(([x, y], k) => h("svg:circle", { cx: x, cy: y, r: 3.6, class: ["d2", "d3", "d2", "d4"][k % 4] })), h("svg:circle", { cx: 120, cy: 66, r: 8, class: "seed" })];
  },
  tune() {
    return [70, 170].map((cx, side) => [Array.from({ length: 60 }, (_, k) => {
      const ring = Math.sqrt(dice(k + 3));
      const lit = side ? dice(k * 3) < 0.62 : ring < 0.36;
      return h("svg:circle", { cx: cx + 42 * ring * Math.cos(k * 2.4), cy: 60 + 42 * ring * Math.sin(k * 2.4), r: 3, class: lit ? (side ? "b" : "a") : "dot" });
    }), h("svg:text", { x: cx, y: 124, "text-anchor": "middle", class: side ? "tb" : "ta" }, "AB"[side])]);
  },
  parallel() {
    return Array.from({ length: 8 }, (_, w) => Array.from({ length: 7 }, (_, k) => h("svg:rect", { x: 14 + 27 * w, y: 14 + 16 * k, rx: 3, width: Math.max(4, 24 * Math.exp(-0.45 * k) * (0.7 + 0.5 * dice(w * 9 + k))), height: 11, class: "song", opacity: 0.25 + 0.75 * dice(w * 31 + k * 7) })));
  },
  trust() {
    return [h("svg:path", { d: "M14 40 C80 30 120 20 226 16", class: "la" }), h("svg:path", { d: "M14 40 C70 60 130 96 226 112", class: "lb" }),
      Array.from({ length: 9 }, (_, k) => h("svg:circle", { cx: 30 + 23 * k, cy: 66 + 8 * Math.sin(k), r: 5, class: ["t1", "t2", "t3", "t4", "t5"][k % 5] }))];
  },
};

/** The page of lessons. `go(name)` opens one; `upload` is absent in a file without a server. */
export function startPage(lessons, go, upload) {
  const card = (lesson) => h("li", {}, h("a", { class: "card lessoncard", href: `#${lesson.name}`, onclick: (event) => { event.preventDefault(); go(lesson.name); } },
    h("svg:svg", { viewBox: "0 0 240 132", "aria-hidden": "true", class: "art" }, ART[lesson.name]()), h("h2", {}, lesson.title), h("p", {}, lesson.question), h("span", { class: "minutes" }, `${lesson.minutes} minutes`)));
  return h("article", { class: "start" }, h("header", { class: "hero-head" }, h("h1", {}, "How does a video find its people?"),
    h("p", {}, "A town of a few thousand simulated people, a feed that decides what each of them sees, and you at the controls. Bet first, then watch, then ask why.")),
  h("ul", { class: "cards" }, Object.values(lessons).map(card)), upload ?? null);
}
