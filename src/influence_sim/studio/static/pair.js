// What lessons with two worlds have in common: maps, knobs, curves, and the same question in other towns.
import { h, say } from "./dom.js";
import { InterestMap } from "./map.js";
import { Knobs, betCard } from "./controls.js";
import { Phone, whyPanel } from "./phone.js";
import { Screen } from "./screen.js";

/** Two worlds side by side under one clock; subclasses say what is measured. */
export class PairScreen extends Screen {
  body() {
    this.names = this.lesson.worlds;
    const can = this.source.can;
    this.sides = this.names.map((name, i) => {
      const map = new InterestMap({ label: `World ${name}: ${this.mapLabel()}`, palette: this.palette(), pick: (person) => this.hold(name, person) });
      const knobs = new Knobs(this.knobsOf(), name, (world, settings) => this.turn(world, settings));
      const numbers = h("dl", { class: "numbers" });
      return { name, map, knobs, numbers, kind: "ab"[i], element: h("section", { class: `card world ${"ab"[i]}`, "aria-label": `World ${name}`, data: { world: name } },
        h("h2", {}, h("span", { class: "letter" }, name), h("span", { class: "sets" })), map.element, numbers, knobs.element) };
    });
    this.tools = h("div", { class: "row tools" },
      h("button", { onclick: () => this.copy() }, "Copy A's knobs to B"), h("button", { onclick: () => this.swap() }, "Swap"), this.luckBox(),
      can.has("take") ? h("button", { onclick: () => this.source.send({ type: "scenario", world: "B" }) }, "Scenario of B") : null,
      can.has("take") ? h("button", { onclick: () => this.source.send({ type: "python", world: "B" }) }, "B as Python") : null);
    this.legend = h("div", { class: "legends" });
    this.charts = this.makeCharts();
    this.many = h("button", { class: "primary", id: "reveal", onclick: () => this.ask() }, `Reveal ${this.towns()} other towns`);
    this.revealDots = h("div", { class: "dots", "aria-hidden": "true" });
    this.revealWords = h("p", { class: "revealwords", role: "status" }, "One pair of worlds is an anecdote. The same two settings in other towns, with other people and other luck, are evidence.");
    const radios = h("div", { class: "row", role: "radiogroup", "aria-label": "Your bet" }, ["A", "B", "no difference"].map((name, i) =>
      h("label", { class: "choice" }, h("input", { type: "radio", name: "bet", value: name, checked: i === 2 }), ` ${name.length === 1 ? `World ${name}` : name}`)));
    this.bet = betCard({ question: this.betQuestion(), input: radios, read: () => radios.querySelector(":checked").value, done: (bet) => this.placed(bet) });
    this.handset = new Phone((card) => this.explain(card));
    this.whyBox = h("div", { class: "whybox" });
    this.drawer = can.has("phone") ? h("section", { class: "drawer", hidden: true }, this.handset.element, this.whyBox) : null;
    return h("div", { class: "pair" }, this.bet, this.transport.element, this.status, h("div", { class: "worlds" }, this.sides.map((s) => s.element)),
      h("div", { class: "maptools" }, this.legend), this.tools, this.drawer,
      h("div", { class: "under" }, this.charts.map((c) => c.element),
        can.has("reveal") ? h("div", { class: "card reveal" }, h("h2", {}, "Not from one run"), this.many, this.revealDots, this.revealWords) : null));
  }

  knobsOf() { return this.source.knobs ? this.source.knobs(this.lesson.knobs) : this.lesson.knobs; }

  scene(scene) {
    for (const side of this.sides) {
      side.map.setScene(scene);
      side.knobs.set(this.settings[side.name] ?? {});
    }
    for (const chart of this.charts) {
      chart.reset(chart.hours ? scene.hours : chart.span);
      this.names.forEach((name, i) => chart.define(name, { kind: "ab"[i], dash: i ? "7 4" : "", label: name }));
    }
    this.held = null;
    if (this.drawer) this.drawer.hidden = true;
    this.revealDots.replaceChildren();
  }

  frame(frame) {
    this.last = frame;
    frame.worlds.forEach((world, i) => {
      const side = this.sides[i];
      const c = frame.columns;
      side.map.show({ state: c[`state${i}`], source: c[`source${i}`], rows: c[`rows${i}`], via: c[`via${i}`] });
      this.settings[side.name] = world.settings;
      side.knobs.set(world.settings);
      side.element.dataset.settings = JSON.stringify(world.settings);
      if (world.turned) for (const chart of this.charts) if (chart.hours) chart.mark(frame.hour, side.kind);
      const numbers = this.numbers(world);
      if (!side.numbers.childElementCount) side.numbers.append(...numbers.map(([name, , help]) => h("div", { title: help ?? "" }, h("dt", {}, name), h("dd", { data: { number: name } }))));
      numbers.forEach(([, text], k) => say(side.numbers.children[k].lastChild, text));
      this.plot(side.name, world, frame.hour, c, i);
    });
    this.charts.forEach((chart) => chart.draw());
    say(this.status, this.sentence(frame));
    if (this.held && this.drawer) this.look(...this.held, frame.playing);
  }

  copy() {
    this.settings.B = { ...this.settings.A };
    this.sides[1].knobs.set(this.settings.B);
    this.turn("B", this.settings.B);
  }

  swap() {
    const [a, b] = [this.settings.A, this.settings.B];
    this.turn("A", { ...b });
    this.turn("B", { ...a });
    this.sides.forEach((s) => s.knobs.set(this.settings[s.name]));
  }

  hold(world, person) {
    if (!this.drawer) return;
    this.held = [world, person];
    this.drawer.hidden = false;
    for (const side of this.sides) side.map.choose(side.name === world ? person : -1);
    this.source.send({ type: "hold", world, person });
  }

  phone(message) { this.handset.show(message.person, message.cards, this.sceneData, this.chosen); }

  explain(card) {
    this.chosen = `${card.day}-${card.slot}`;
    this.whyBox.replaceChildren(h("div", { class: "card" }, whyPanel(card, this.sceneData)));
  }

  // ------------------------------------------------------------------ reveal

  towns() { return 30; }

  ask() {
    this.many.disabled = true;
    this.revealDots.replaceChildren();
    this.source.send({ type: "reveal", times: this.towns() });
  }

  reveal({ pair, done, of }) {
    const [kind, letter] = pair[0] === pair[1] ? ["tie", "="] : pair[1] > pair[0] ? ["b", "B"] : ["a", "A"];
    this.revealDots.append(h("i", { class: kind, title: `A ${this.outcome(pair[0])}, B ${this.outcome(pair[1])}` }, letter));
    say(this.revealWords, `${done} of ${of} towns`);
  }

  revealed({ wins, ties, towns, people, days, difference }) {
    this.idle();
    const [value, low, high] = difference;
    const apart = low === null || (low <= 0 && high >= 0);
    const ahead = value > 0 ? ["B", wins] : ["A", towns - wins - ties];
    const bet = this.betValue ? ` You had bet on ${this.betValue.length === 1 ? `world ${this.betValue}` : this.betValue}.` : "";
    say(this.revealWords, (apart ? `Cannot tell them apart with ${towns} towns: ${this.better()} in B in ${wins}${ties ? `, equal in ${ties}` : ""}. ` : `World ${ahead[0]}: ${this.better()} in ${ahead[1]} of ${towns} towns. `)
      + `B minus A: ${this.points(value)} (95 % interval ${this.points(low)} to ${this.points(high)}). Towns of ${people} people, ${days} days.${bet}`);
  }
}
