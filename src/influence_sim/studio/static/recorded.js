// A lesson played from a recording in the page: the same requests and the same messages as from the server.
import { h, download } from "./dom.js";
import { decode } from "./frames.js";
import { bar, readView, textDialog, writeView } from "./shell.js";

/** Unpack the text of a recording. */
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return decode(await new Response(stream).arrayBuffer());
}

/** One world on tape: its numbers and columns after any round. */
class Tape {
  constructor(recording, number) {
    Object.assign(this, recording.tapes[number]);
    this.streams = {};
    for (const [name, values] of Object.entries(recording.columns)) {
      const [part, column, own] = name.split(".");
      if (own === String(number) && "niv".includes(part) && part.length === 1) (this.streams[column] ??= {})[part] = values;
    }
  }

  rewind(size) {
    this.round = -1;
    this.now = {};
    this.at = {};
    for (const [name, { v }] of Object.entries(this.streams)) {
      this.at[name] = 0;
      if (name !== "via") this.now[name] = new v.constructor(size);
    }
    this.said = {};
  }

  /** Go on to a round; returns {facts, columns} of it. Rows are those reached since the call before. */
  to(round, size) {
    if (this.round === undefined || round < this.round) this.rewind(size);
    const rows = [];
    const via = new Map();
    while (this.round < round) {
      this.round += 1;
      for (const [name, { n, i, v }] of Object.entries(this.streams)) {
        let row = 0;
        for (let k = 0; k < n[this.round]; k++) {
          const at = this.at[name]++;
          if (name === "via") via.set(i[at], v[at]);
          else {
            row += i[at];
            if (name === "state" && this.now.state[row] === 0) rows.push(row);
            this.now[name][row] += v[at];
          }
        }
      }
      this.news = [];
      for (const [name, series] of Object.entries(this.facts)) {
        const value = series[this.round];
        if (name === "news") this.news = value ?? [];
        else if (value !== null && value !== undefined) this.said[name] = value;
      }
    }
    const facts = { news: this.news, video: {} };
    for (const [name, value] of Object.entries(this.said)) {
      const [first, second] = name.split(".");
      if (second) (facts[first] ??= {})[second] = value;
      else facts[first] = value;
    }
    return { facts, columns: { ...this.now, rows, via: rows.map((row) => via.get(row) ?? -1) } };
  }
}

/** A source of recorded worlds; see LiveSource for the other. */
class RecordedSource {
  constructor(recording, lesson, seeds, listen) {
    Object.assign(this, { recording, lesson, seeds, listen });
    this.can = new Set(["knobs", "seek", ...(Object.keys(recording.luck).length ? ["luck"] : [])]);
    this.tapes = recording.tapes.map((_, number) => new Tape(recording, number));
    this.round = 0;
  }

  /** The knobs that were recorded at more than one place, with these places as stops. */
  knobs(knobs) {
    return knobs.map((knob) => ({ ...knob, stops: [...new Set(this.tapes.map((tape) => tape.settings[knob.name]))].sort((a, b) => a - b) })).filter((knob) => knob.stops.length > 1);
  }

  /** Whether a preset was recorded. */
  has(preset) {
    const same = (settings) => this.tapes.some((tape) => Object.entries(settings).every(([name, at]) => tape.settings[name] === at));
    return !Object.keys(preset.setup).length && Object.values(preset.knobs).every(same);
  }

  /** The tape nearest to what is asked; a knob just turned weighs more than those that were not. */
  nearest(world, settings, turned = {}) {
    const far = (tape) => Object.entries(settings).reduce((sum, [name, at]) => sum + Math.abs((tape.settings[name] ?? at) - at) * (name in turned ? 100 : 1), 0);
    const mine = this.tapes.filter((tape) => tape.seed === this.seed && (!tape.world || tape.world === world));
    return mine.reduce((best, tape) => (far(tape) < far(best) ? tape : best));
  }

  send(message) {
    const { type } = message;
    if (type === "open" || type === "luck") this.rolls?.forEach(clearTimeout);
    if (type === "open") {
      this.pause();
      this.seed = this.seeds.includes(message.setup.seed) ? message.setup.seed : this.seeds[0];
      this.scene = this.recording.scenes[this.seed];
      this.settings = Object.fromEntries(this.lesson.worlds.map((world) => [world, { ...(message.settings[world] ?? message.settings.all ?? {}) }]));
      this.chosen = this.lesson.worlds.map((world) => this.nearest(world, this.settings[world]));
      // Every world has a tape of its own to wind, even where two play the same.
      this.chosen = this.chosen.map((tape, i) => (this.chosen.indexOf(tape) < i ? Object.assign(Object.create(Tape.prototype), tape) : tape));
      this.chosen.forEach((tape) => { tape.round = undefined; });
      this.round = 0;
      this.version = 0;
      this.listen({ ...this.scene, columns: this.statics() });
      this.show();
    } else if (type === "play") {
      this.pause();
      this.timer = setInterval(() => this.step(true), 1000 / Math.min(30, message.speed));
    } else if (type === "pause") {
      this.pause();
      this.show();
    } else if (type === "step") {
      this.pause();
      this.step(false);
    } else if (type === "seek") {
      this.pause();
      this.round = Math.min(this.recording.rounds, Math.round(message.hour / this.scene.hours_per_round));
      this.show(true);
    } else if (type === "knob") {
      this.version = message.version;
      this.lesson.worlds.forEach((world, i) => {
        if (!this.lesson.shared_knobs && world !== message.world) return;
        this.settings[world] = { ...this.settings[world], ...message.settings };
        const found = this.nearest(world, this.settings[world], message.settings);
        this.settings[world] = { ...found.settings };
        this.chosen[i] = Object.assign(Object.create(Tape.prototype), found, { round: undefined });
      });
      this.show(true);
    } else if (type === "luck") {
      this.pause();
      const curves = this.recording.luck[this.seed];
      this.rolls = curves.map((curve, k) => setTimeout(() => this.listen({ type: "luck", k, curve, done: k + 1, of: curves.length }), 90 * k));
    }
  }

  statics() {
    const columns = {};
    for (const [name, values] of Object.entries(this.recording.columns)) {
      const [column, seed] = name.split(".");
      if (name.split(".").length === 2 && seed === String(this.seed)) columns[column] = column === "x" || column === "y" ? Float32Array.from(values, (v) => v / 32000 - 1) : values;
    }
    this.size = columns.x?.length ?? columns.quality.length;
    return columns;
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  step(playing) {
    this.round = Math.min(this.recording.rounds, this.round + 1);
    if (this.round === this.recording.rounds) this.pause();
    this.show(false, playing);
  }

  /** Say what stands at this round; `again` draws curves anew, for time or settings have jumped. */
  show(again = false) {
    if (again) this.listen({ type: "again", frames: Array.from({ length: this.round }, (_, k) => this.frame(k)) });
    this.listen(this.frame(this.round));
  }

  frame(round) {
    const columns = {};
    const worlds = this.chosen.map((tape, i) => {
      const { facts, columns: own } = tape.to(round, this.size);
      for (const [name, values] of Object.entries(own)) columns[`${name}${i}`] = values;
      return { name: this.lesson.worlds[i], settings: tape.settings, ...facts };
    });
    const { gini, unpredictability, hits } = worlds[0];
    return { type: "frame", rounds: round, hour: round * this.scene.hours_per_round, over: round === this.recording.rounds, playing: Boolean(this.timer), version: this.version, worlds, columns, gini: gini ?? null, unpredictability: unpredictability ?? null, hits: hits ?? null };
  }
}

/** Fill the page with the one lesson it holds. */
export async function playRecorded(Kind) {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [lesson] = Object.values(data.lessons);
  const main = document.getElementById("main");
  bar([[lesson.name, lesson.title]], () => {})(lesson.name);
  if (!("DecompressionStream" in window)) {
    main.replaceChildren(h("p", { class: "loading" }, "This browser is too old to unpack the recording: use one of 2023 or newer."));
    return;
  }
  const recording = await unpack(data.recording.data);
  let screen = null;
  const source = new RecordedSource(recording, lesson, data.recording.seeds, (message) => screen?.take(message));
  const { name: _, ...view } = readView();
  const context = { base: null, remember: (now) => writeView(lesson.name, now), took: ({ text }) => textDialog("Text", text, "text.txt", download) };
  screen = new Kind({ lesson, source, view, context });
  main.replaceChildren(screen.element);
  document.addEventListener("keydown", (event) => screen.key(event));
  screen.open();
}
