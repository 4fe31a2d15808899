// Lesson "Follow one video": bet, map, phone, why, luck.
import { h, say, count, share, when } from "./dom.js";
import { InterestMap, DID, DID_WORDS, legend } from "./map.js";
import { LineChart, bars } from "./charts.js";
import { betCard, logSlider } from "./controls.js";
import { Phone, whyPanel } from "./phone.js";
import { Screen, choiceBox, numberBox } from "./screen.js";

/** Colours of how the video came to somebody, by the numbers of `sources`. */
export const CAME = { follow: ["--c-follow", "along a follow or a share"], interest: ["--c-interest", "by topic"], trending: ["--c-trend", "as trending"], random: ["--c-random", "at random"], explore: ["--c-test", "as a test"] };

export class FollowScreen extends Screen {
  body() {
    this.byHow = false;
    this.map = new InterestMap({
      label: "Map of the town by interests. Dots are people; colour says what they did with the followed video.",
      palette: (state, source) => (this.byHow ? [CAME[this.sceneData.sources[source]]?.[0] ?? "--s1", 1.3, state === 4] : DID[state]),
      pick: (person) => this.hold(person),
    });
    this.handset = new Phone((card) => this.explain(card));
    this.reach = h("b", { id: "reach" }, "0");
    this.counts = h("dl", { class: "numbers" });
    this.pools = h("ol", { class: "pools", "aria-label": "Test audiences" });
    this.news = h("p", { class: "news" });
    this.whyBox = h("div", { class: "whybox" });
    this.legend = h("div", { class: "legends" });
    this.chart = new LineChart({ title: "People reached", x: "hours since posting", y: "people", span: this.lesson.hours, top: 10, width: 340 });
    this.came = h("div");
    this.many = h("button", { id: "luck", onclick: () => this.roll() }, "Roll the luck 20 times");
    this.luckWords = h("p", { class: "luckwords", role: "status" });
    const slider = logSlider("People who will see it within three days", 2000, 100);
    this.bet = betCard({ question: this.lesson.question, input: slider.element, read: slider.value, done: (bet) => this.placed(bet) });
    const can = this.source.can;
    this.size = choiceBox("Creator", ["small", "middle", "large"], this.setup.size, (size) => this.restart({ size }));
    this.strength = choiceBox("Video", ["weak", "average", "strong"], this.setup.strength, (strength) => this.restart({ strength }));
    this.seed = this.luckBox();
    const person = numberBox("Person", "", (row) => this.hold(row), { id: "person", min: 0 });
    this.personInput = person.querySelector("input");
    const somebody = (words, test) => h("button", { class: "quiet", onclick: () => this.somebody(test) }, words);
    const colour = choiceBox("Colour", ["what they did", "how it came"], "what they did", (v) => { this.byHow = v === "how it came"; this.relegend(); this.map.ask(); });
    return h("div", { class: `follow-grid ${can.has("phone") ? "" : "nophone"}` },
      can.has("phone") ? h("div", { class: "left" }, this.handset.element,
        h("div", { class: "card pickers" }, person, somebody("who liked it", (s) => s >= 3), somebody("who scrolled on", (s) => s === 1))) : null,
      h("div", { class: "stage" }, h("div", { class: "card mapcard" }, this.map.element, h("div", { class: "maptools" }, this.legend, colour.element)), this.transport.element, this.whyBox),
      h("aside", { class: "side" }, this.bet,
        h("div", { class: "card hero" }, h("p", { class: "big" }, this.reach, h("span", {}, " people reached")), this.status, this.counts),
        h("div", { class: "card" }, h("h2", {}, "Test audiences"), this.pools, this.news), this.chart.element),
      h("div", { class: "under" },
        can.has("setup") ? h("div", { class: "card setup" }, h("h2", {}, "Whose video?"), this.size.element, this.strength.element, this.seed, h("p", { class: "help" }, "Luck is the seed of all dice: the same number gives the same story.")) : h("div", { class: "card setup" }, h("h2", {}, "Another video"), this.seed),
        h("figure", { class: "card" }, h("figcaption", {}, "How it came to them"), this.came),
        h("div", { class: "card luck" }, h("h2", {}, "Same video, other luck"), h("p", {}, "The video, the people and everything before it stay. Only the dice after posting differ."), this.many, this.luckWords)));
  }

  restart(change) {
    this.setup = { ...this.setup, ...change };
    this.open();
  }

  placed(bet) {
    super.placed(bet);
    if (bet) this.chart.level(bet, `your bet: ${count(bet)}`);
  }

  relegend() {
    const rows = this.byHow ? Object.values(CAME) : null;
    this.legend.replaceChildren(rows ? legend(rows.map(([, word]) => word), rows.map(([name]) => [name, 1, false])) : legend(DID_WORDS, DID));
  }

  scene(scene) {
    this.map.setScene(scene);
    this.relegend();
    this.chart.reset(scene.hours);
    this.chart.define("reach", { kind: "a", label: "" }).add("reach", 0, 0);
    if (this.betValue) this.chart.level(this.betValue, `your bet: ${count(this.betValue)}`);
    this.whyBox.replaceChildren();
    this.luckWords.textContent = "";
    this.news.textContent = "";
    this.passed = [];
    this.person = -1;
    this.handset.list.replaceChildren();
    this.seed.querySelector("input, select").value = this.setup.seed;
    this.size.select.value = this.setup.size;
    this.strength.select.value = this.setup.strength;
    const v = scene.video;
    this.element.querySelector(".question").textContent = v.handle
      ? `${v.handle} has ${count(v.followers)} followers and posts a video about ${scene.topics[v.topic].name.toLowerCase()}. How many of ${count(scene.people * scene.scale)} people will see it?`
      : "Nobody posted a video on that day.";
    // Some phone is better than none: that of a follower, where there is one.
    setTimeout(() => this.hold(scene.columns.fans[0] ?? 0));
  }

  frame(frame) {
    const [world] = frame.worlds;
    const { video } = world;
    this.last = frame;
    const { state0, source0, rows0, via0 } = frame.columns;
    this.map.show({ state: state0, source: source0, rows: rows0, via: via0 });
    say(this.reach, count(video.reach));
    this.chart.add("reach", frame.hour, video.reach);
    this.chart.draw();
    const numbers = [["shown", video.reach], ["watched", video.watched], ["liked", video.likes], ["shared", video.shares], ["new followers", video.follows]];
    if (!this.counts.childElementCount) this.counts.append(...numbers.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", {}))));
    numbers.forEach(([, n], i) => say(this.counts.children[i].lastChild, count(n)));
    const tally = new Array(5).fill(0);
    for (const s of state0) tally[s] += 1;
    if (!this.byHow) tally.forEach((n, i) => { const b = this.legend.querySelector(`[data-legend="${i}"]`); if (b) say(b, count(n)); });
    for (const item of world.news) this.passed[item.stage] = item;
    this.showPools(video, world.news);
    this.came.replaceChildren(bars(Object.entries(CAME).map(([name, [, words]]) => ({ name: words, value: (world.by_source ?? {})[name] ?? 0, kind: name }))));
    say(this.status, this.sentence(frame, video));
    if (this.person >= 0 && this.source.can.has("phone")) this.look(world.name, this.person, frame.playing);
  }

  sentence(frame, video) {
    const fans = this.sceneData.video.followers ?? 0;
    const times = fans > 0 ? ` That is ${(video.reach / fans).toFixed(1)} times its ${count(fans)} followers.` : "";
    const bet = frame.over && this.betValue ? ` Your bet was ${count(this.betValue)}.` : "";
    return `${when(frame.hour)}: shown to ${count(video.reach)} people.${frame.hour > 0 ? times : ""}${bet}`;
  }

  showPools(video, news) {
    const total = Math.max(this.passed.length, video.test + 1, 3);
    const rows = [];
    for (let k = 0; k < total; k++) {
      const end = this.passed[k];
      const open = video.test === k;
      const kind = end ? (end.passed ? "passed" : "failed") : open ? "open" : "later";
      const text = end ? `better than ${share(end.better_than)} of recent videos` : open ? `${video.served} of ${video.quota} people` : "";
      rows.push(h("li", { class: kind }, h("b", {}, `Test ${k + 1}`), h("span", {}, text || (kind === "later" ? "not yet" : "")),
        h("i", { style: { width: `${open ? (100 * video.served) / Math.max(1, video.quota) : end ? 100 : 0}%` } })));
    }
    rows.push(h("li", { class: video.stage === "passed" ? "passed" : "later" }, h("b", {}, "Everybody"), h("span", {}, video.stage === "passed" ? "all tests passed" : "not yet"), h("i")));
    this.pools.replaceChildren(...rows);
    for (const item of news) {
      say(this.news, `Test ${item.stage + 1} ended ${item.passed ? "well" : "here"}: better than ${share(item.better_than)} of recent videos, and the bar is ${share(item.bar)}.`);
    }
  }

  // --------------------------------------------------------------- one person

  hold(person) {
    if (!this.ready || !this.sceneData || person < 0 || person >= this.sceneData.people) return;
    this.person = person;
    this.personInput.value = person;
    this.map.choose(person);
    if (!this.source.can.has("phone")) return;
    this.source.send({ type: "hold", world: "A", person });
    if (this.map.state[person] > 0) this.source.send({ type: "why", world: "A", person });
  }

  somebody(test) {
    const rows = [...this.map.state.keys()].filter((i) => test(this.map.state[i]));
    if (rows.length) this.hold(rows[(this.looked = ((this.looked ?? -1) + 1)) % rows.length]);
    else say(this.status, "Nobody yet. Play on.");
  }

  phone(message) { this.handset.show(message.person, message.cards, this.sceneData, this.chosen); }

  why(message) {
    if (message.card) this.explain(message.card);
  }

  explain(card) {
    this.chosen = `${card.day}-${card.slot}`;
    this.whyBox.replaceChildren(h("div", { class: "card" }, whyPanel(card, this.sceneData)));
  }

  // -------------------------------------------------------------------- luck

  roll() {
    this.ends = [];
    this.chart.ghosts.splice(0);
    this.chart.back.replaceChildren();
    this.many.disabled = true;
    this.source.send({ type: "luck", times: 20 });
  }

  luck({ curve, done, of }) {
    this.ends.push(curve.at(-1));
    const step = this.sceneData.hours_per_round;
    this.chart.ghost([[0, 0], ...curve.map((y, i) => [(i + 1) * step, y])]);
    this.many.disabled = done < of;
    const sorted = [...this.ends].sort((a, b) => a - b);
    const over = this.betValue ? ` ${sorted.filter((x) => x >= this.betValue).length} of ${sorted.length} passed your bet.` : "";
    say(this.luckWords, `${done} of ${of}: from ${count(sorted[0])} to ${count(sorted.at(-1))} people, half of them below ${count(sorted[Math.floor(sorted.length / 2)])}.${over}`);
  }
}
