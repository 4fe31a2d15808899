// What all lessons have in common: a source of worlds, time, a bet, and the question above it all.
import { h, say } from "./dom.js";
import { Transport } from "./controls.js";
import { lessonNotes, presetRow } from "./notes.js";

/** A lesson on the screen. Subclasses build `body()` and answer `scene`, `frame` and other messages by methods of these names. */
export class Screen {
  constructor({ lesson, source, view, context }) {
    Object.assign(this, { lesson, source, view, context });
    this.setup = { seed: 1, size: "small", strength: "strong", ...lesson.presets[0].setup, ...view.setup };
    this.settings = view.settings ?? structuredClone(lesson.start);
    this.version = 0;
    this.hour = 0;
    this.transport = new Transport((what, value) => this.act(what, value), { hours: lesson.hours, seek: source.can.has("seek") });
    this.status = h("p", { class: "status" });
    this.live = h("p", { class: "sr", "aria-live": "polite" });
    this.problem = h("div", { class: "problem", role: "alert", hidden: true });
    this.element = h("article", { class: `lesson ${lesson.name}` },
      h("header", { class: "head" }, h("div", {}, h("h1", {}, lesson.title), h("p", { class: "question" }, lesson.question)), this.presets()),
      this.problem, this.body(), this.live, lessonNotes(lesson));
  }

  presets() { return presetRow(this.lesson, this.lesson.presets.filter((preset) => !this.source.has || this.source.has(preset)), (preset) => this.choose(preset)); }

  /** The number behind all dice: any in the live studio, those recorded in a file. */
  luckBox(word = "Luck") {
    const set = (seed) => { this.setup = { ...this.setup, seed: Number(seed) }; this.open(); };
    return this.source.seeds ? choiceBox(word, this.source.seeds.map(String), String(this.setup.seed), set).element : numberBox(word, this.setup.seed, set, { id: "seed" });
  }

  /** Begin, or begin again with other settings. */
  open() {
    this.ready = false;
    this.unlock();
    say(this.status, "Building the town …");
    const settings = this.lesson.shared_knobs ? { all: this.settings.all } : this.settings;
    this.context.remember({ setup: this.setup, settings: this.settings });
    this.source.send({ type: "open", lesson: this.lesson.name, setup: this.setup, settings: settings ?? {}, base: this.context.base?.base ?? null });
  }

  /** Play is locked until the worlds are there and the bet is placed. */
  unlock() {
    this.transport.lock(!this.ready || !this.placedBet);
  }

  placed(bet) {
    this.placedBet = true;
    this.betValue = bet;
    this.unlock();
    this.transport.play.focus();
  }

  choose(preset) {
    this.setup = { ...this.setup, ...preset.setup };
    this.settings = { ...structuredClone(this.lesson.start), ...structuredClone(preset.knobs) };
    this.open();
  }

  act(what, value) {
    if (what === "reset") this.open();
    else if (what === "seek") this.source.send({ type: "seek", hour: value });
    else if (what === "play") this.source.send({ type: "play", speed: value });
    else this.source.send({ type: what });
  }

  turn(world, settings) {
    this.settings[world] = { ...this.settings[world], ...settings };
    this.version += 1;
    this.turnedAt = performance.now();
    this.context.remember({ setup: this.setup, settings: this.settings });
    this.source.send({ type: "knob", world: world === "all" ? "1" : world, settings, version: this.version });
  }

  take(message) {
    if (message.type === "error") this.complain(message.message);
    else if (message.type === "scene") {
      this.problem.hidden = true;
      this.ready = true;
      this.unlock();
      this.idle();
      this.sceneData = message;
      this.transport.stepOf(message.hours_per_round);
      this.scene(message);
    } else if (message.type === "frame") {
      this.transport.show(message);
      this.element.dataset.hour = message.hour;
      this.element.dataset.version = message.version;
      this.element.dataset.took = Math.round(message.took ?? 0);
      this.element.dataset.frames = Number(this.element.dataset.frames ?? 0) + 1;
      if (this.turnedAt && message.version === this.version) {
        this.element.dataset.lag = Math.round(performance.now() - this.turnedAt);
        this.turnedAt = 0;
      }
      this.frame(message);
      const spoken = Math.floor(message.hour / 12);
      if (spoken !== this.spoken || !message.playing) say(this.live, this.status.textContent);
      this.spoken = spoken;
    } else if (message.type === "again") {
      // Time or settings of a recording have jumped: begin anew and run through what was before.
      this.scene(this.sceneData);
      message.frames.forEach((frame) => this.frame(frame));
    } else if (message.type === "scenario" || message.type === "python") this.context.took(message);
    else this[message.type]?.(message);
  }

  /** Other luck, or other towns, may be asked for: what was under way has ended. */
  idle() { if (this.many) this.many.disabled = false; }

  complain(text) {
    this.idle();
    this.problem.hidden = false;
    this.problem.replaceChildren(h("b", {}, "That did not work. "), text);
  }

  /** Look at the phone that is held: at every picture when paused, a few times a second while playing. */
  look(world, person, playing) {
    if (playing && performance.now() - (this.looked_at ?? 0) < 400) return;
    this.looked_at = performance.now();
    this.source.send({ type: "phone", world, person });
  }

  /** Keyboard: space plays, unless a control has it. */
  key(event) {
    if (event.key === " " && !["BUTTON", "INPUT", "SELECT", "SUMMARY", "A", "TEXTAREA"].includes(event.target.tagName)) {
      event.preventDefault();
      this.transport.toggle();
    }
  }
}

/** A stepper of numbers with a label. */
export function numberBox(label, value, change, attrs = {}) {
  const input = h("input", { type: "number", value, min: 0, max: 99999, ...attrs, onchange: () => change(Math.max(0, Math.min(99999, Math.round(Number(input.value) || 0)))) });
  return h("label", { class: "box" }, label, " ", input);
}

/** A choice among words. */
export function choiceBox(label, options, value, change) {
  const select = h("select", { onchange: () => change(select.value) }, options.map((o) => h("option", { value: o, selected: o === value }, o)));
  return { element: h("label", { class: "box" }, label, " ", select), select };
}
