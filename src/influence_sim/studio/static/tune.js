// Lessons with two worlds: "Turn the algorithm's knobs" and "Trust and ads".
import { h, say, count, share, plain, signed } from "./dom.js";
import { InterestMap, DID, DID_WORDS, legend } from "./map.js";
import { LineChart } from "./charts.js";
import { Knobs, betCard } from "./controls.js";
import { Phone, whyPanel } from "./phone.js";
import { Screen, numberBox } from "./screen.js";

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
    this.revealButton = h("button", { class: "primary", id: "reveal", onclick: () => this.ask() }, `Reveal ${this.towns()} other towns`);
    this.revealDots = h("div", { class: "dots", "aria-hidden": "true" });
    this.revealWords = h("p", { class: "revealwords", role: "status" }, "One pair of worlds is an anecdote. The same two settings in other towns, with other people and other luck, are evidence.");
    const radios = h("div", { class: "row", role: "radiogroup", "aria-label": "Your bet" }, ["A", "B", "no difference"].map((name, i) =>
      h("label", { class: "choice" }, h("input", { type: "radio", name: "bet", value: name, checked: i === 2 }), ` ${name.length === 1 ? `World ${name}` : name}`)));
    this.bet = betCard({ question: this.betQuestion(), input: radios, read: () => radios.querySelector(":checked").value, done: (bet) => { this.betValue = bet; this.transport.lock(false); this.transport.play.focus(); } });
    this.transport.lock(true);
    this.handset = new Phone((card) => this.explain(card));
    this.whyBox = h("div", { class: "whybox" });
    this.drawer = can.has("phone") ? h("section", { class: "drawer", hidden: true }, this.handset.element, this.whyBox) : null;
    return h("div", { class: "pair" }, this.bet, h("div", { class: "worlds" }, this.sides.map((s) => s.element)),
      h("div", { class: "maptools" }, this.legend), this.transport.element, this.status, this.tools, this.drawer,
      h("div", { class: "under" }, this.charts.map((c) => c.element),
        can.has("reveal") ? h("div", { class: "card reveal" }, h("h2", {}, "Not from one run"), this.revealButton, this.revealDots, this.revealWords) : null));
  }

  knobsOf() { return this.lesson.knobs; }
  luckBox() { return numberBox("Luck", this.setup.seed, (seed) => { this.setup.seed = seed; this.open(); }, { id: "seed" }); }

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
    if (this.held && this.drawer) this.source.send({ type: "phone", world: this.held[0], person: this.held[1] });
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
    this.revealButton.disabled = true;
    this.revealDots.replaceChildren();
    this.source.send({ type: "reveal", times: this.towns() });
  }

  reveal({ pair, done, of }) {
    const better = pair[1] > pair[0];
    this.revealDots.append(h("i", { class: better ? "b" : "a", title: `A ${this.outcome(pair[0])}, B ${this.outcome(pair[1])}` }, better ? "B" : "A"));
    say(this.revealWords, `${done} of ${of} towns`);
  }

  revealed({ wins, ties, towns, people, days, difference }) {
    this.revealButton.disabled = false;
    const [value, low, high] = difference;
    const apart = low === null || (low <= 0 && high >= 0);
    const ahead = wins * 2 >= towns ? ["B", wins] : ["A", towns - wins - ties];
    const bet = this.betValue ? ` You had bet on ${this.betValue.length === 1 ? `world ${this.betValue}` : this.betValue}.` : "";
    say(this.revealWords, (apart ? `Cannot tell them apart with ${towns} towns: ${this.better()} in B in ${wins}. ` : `World ${ahead[0]}: ${this.better()} in ${ahead[1]} of ${towns} towns. `)
      + `B minus A: ${this.points(value)} (95 % interval ${this.points(low)} to ${this.points(high)}). Towns of ${people} people, ${days} days.${bet}`);
  }
}

export class TuneScreen extends PairScreen {
  mapLabel() { return "who has seen the followed video, on the map of interests."; }
  palette() { return (state) => DID[state]; }
  betQuestion() { return "In which world will the smaller half of creators get the larger share of views after ten days?"; }
  better() { return "small creators got more of the views"; }
  outcome(x) { return share(x); }
  points(x) { return x === null ? "–" : `${signed(100 * x, 1)} points`; }

  makeCharts() {
    const hours = this.lesson.hours;
    const make = (options) => Object.assign(new LineChart({ x: "hours", span: hours, hoursToDays: true, ...options }), { hours: true });
    this.reach = make({ title: "Who saw the followed video", y: "people", top: 20 });
    this.small = make({ title: "Share of views of the smaller half of creators", y: "share", top: 0.6, number: (x) => share(x), fixed: true });
    this.lorenz = new LineChart({ title: "Who gets the views (Lorenz curve)", x: "share of creators, smallest first", y: "share of views", span: 1, top: 1, number: (x) => share(x), fixed: true });
    return [this.reach, this.small, this.lorenz];
  }

  scene(scene) {
    super.scene(scene);
    this.legend.replaceChildren(legend(DID_WORDS, DID), h("span", { class: "legendstar" }, "★ its creator"));
    this.lorenz.define("even", { kind: "even", label: "even" }).set("even", [[0, 0], [1, 1]]);
    this.lorenz.series.get("even").end.remove();
  }

  numbers({ video, gini, small, views }) {
    return [["saw the video", count(video.reach)], ["views of all", count(views), "Views of all creators' videos so far"], ["small creators' share", share(small, 1), "Share of views of the smaller half of creators by followers"],
      ["Gini", plain(gini, 3), "0: every creator gets as many views; 1: one gets all"]];
  }

  plot(name, world, hour) {
    this.reach.add(name, hour, world.video.reach ?? 0);
    this.small.add(name, hour, world.small);
    this.lorenz.set(name, world.lorenz.map((y, i) => [i / (world.lorenz.length - 1), y]));
  }

  sentence({ worlds: [a, b], hour }) {
    if (hour === 0 || a.small === null || b.small === null) return "Same people, same videos, same dice. Nothing has happened yet.";
    const [x, y] = [a.video.reach ?? 0, b.video.reach ?? 0];
    const more = x === y ? `The followed video reached ${count(x)} people in both.` : y > x
      ? `In B ${x ? `${(y / x).toFixed(1)} times as many` : `${count(y)}`} people saw the followed video.` : `In A ${y ? `${(x / y).toFixed(1)} times as many` : `${count(x)}`} people saw the followed video.`;
    const kind = Math.abs(a.small - b.small) < 0.0005 ? "Small creators get the same share in both." : `Small creators get ${share(a.small)} of the views in A and ${share(b.small)} in B.`;
    return `${more} ${kind}`;
  }
}

const TRUST = [["--t0", 0.9, false], ["--t1", 1.3, false], ["--t2", 1.3, false], ["--t3", 1.3, false], ["--t4", 1.3, false], ["--t5", 1.3, false]];
const TRUST_WORDS = ["follows nobody", "below .40", ".40 to .47", ".47 to .53", ".53 to .60", "above .60"];

export class TrustScreen extends PairScreen {
  unit() { return "round"; }
  towns() { return 20; }
  mapLabel() { return "how far people trust the creators they follow."; }
  palette() { return (state) => TRUST[state]; }
  betQuestion() { return "In which world will people trust the creators they follow more, after forty days?"; }
  better() { return "trust was higher"; }
  outcome(x) { return plain(x, 3); }
  points(x) { return signed(x, 3); }

  makeCharts() {
    const hours = this.lesson.hours;
    const make = (options) => Object.assign(new LineChart({ x: "hours", span: hours, hoursToDays: true, ...options }), { hours: true });
    this.trust = make({ title: "Trust in followed creators, 0 to 1", y: "mean trust", top: 0.8, number: (x) => plain(x, 2), fixed: true });
    this.left = make({ title: "Followers who left, so far", y: "unfollows", top: 50 });
    this.likes = make({ title: "Likes per view, last three days", y: "share", top: 0.2, number: (x) => share(x, 1) });
    return [this.trust, this.left, this.likes];
  }

  scene(scene) {
    super.scene(scene);
    this.legend.replaceChildren(h("b", { class: "soft" }, "Trust: "), legend(TRUST_WORDS, TRUST));
  }

  numbers({ trust, follows, unfollows, engagement, sponsored }) {
    return [["trust", plain(trust, 3)], ["follows", count(follows)], ["left", count(unfollows)], ["likes per view", share(engagement, 1)], ["ads in feeds", share(sponsored, 1)]];
  }

  plot(name, world, hour) {
    this.trust.add(name, hour, world.trust);
    this.left.add(name, hour, world.unfollows);
    this.likes.add(name, hour, world.engagement);
  }

  sentence({ worlds: [a, b], hour }) {
    if (hour === 0 || a.trust === null) return "Everybody begins with the same trust in both worlds.";
    const gap = b.trust - a.trust;
    const words = Math.abs(gap) < 0.005 ? "Trust is the same in both worlds." : `Trust stands at ${plain(a.trust, 2)} in A and ${plain(b.trust, 2)} in B.`;
    return `${words} ${count(a.unfollows)} follows ended in A, ${count(b.unfollows)} in B.`;
  }
}
