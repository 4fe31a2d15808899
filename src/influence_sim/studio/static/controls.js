// Transport bar and knobs: native buttons and sliders, so that keyboards and assistive technology know them.
import { calm, h, say, when, share, plain } from "./dom.js";

const SPEEDS = [[2, "slow"], [8, "steady"], [24, "fast"], [60, "as fast as it goes"]];

/** Play, step, reset and speed. `act(what, value)` is told what to do. */
export class Transport {
  constructor(act, { hours, seek = false }) {
    this.act = act;
    this.hours = hours;
    this.playing = false;
    this.locked = false;
    this.play = h("button", { class: "primary", id: "play", onclick: () => this.toggle() }, "▶ Play");
    this.step = h("button", { onclick: () => act("step") }, "+1 hour");
    this.again = h("button", { onclick: () => act("reset") }, "↺ Reset");
    this.speed = h("select", { id: "speed", onchange: () => this.playing && act("play", this.rate) }, SPEEDS.map(([rate, word]) => h("option", { value: rate, selected: rate === (calm() ? 2 : 8) }, word)));
    this.clock = h("output", { class: "clock", "aria-live": "off" }, "hour 0");
    this.fill = h("i");
    this.seek = seek ? h("input", { type: "range", id: "seek", min: 0, max: hours, step: 1, value: 0, "aria-label": "Hour", oninput: () => act("seek", Number(this.seek.value)) }) : null;
    this.element = h("div", { class: "transport", role: "group", "aria-label": "Time" }, this.play, this.step, this.again,
      h("label", { class: "speed" }, "Speed ", this.speed), this.clock, this.seek ?? h("div", { class: "elapsed", "aria-hidden": "true" }, this.fill));
  }

  get rate() { return Number(this.speed.value); }

  toggle() {
    if (!this.locked && !this.over) this.act(this.playing ? "pause" : "play", this.rate);
  }

  /** What a step is: rounds may be longer than an hour. */
  stepOf(hours) {
    say(this.step, hours === 1 ? "+1 hour" : `+${plain(hours, hours % 1 ? 1 : 0)} hours`);
  }

  lock(locked) {
    this.locked = locked;
    if (this.seek) this.seek.disabled = locked;
    this.play.disabled = this.step.disabled = locked;
  }

  show({ hour, playing, over }) {
    this.playing = playing;
    this.over = over;
    say(this.play, over ? "■ The end" : playing ? "❚❚ Pause" : "▶ Play");
    this.play.disabled = this.step.disabled = this.locked || over;
    say(this.clock, when(hour));
    if (this.seek) this.seek.value = hour;
    this.fill.style.width = `${Math.min(100, (100 * hour) / this.hours)}%`;
  }
}

/** The sliders of one world. `turn(world, {knob: value})` is told of every change. */
export class Knobs {
  constructor(knobs, world, turn) {
    this.inputs = new Map();
    this.element = h("div", { class: "knobs" }, knobs.map((knob) => {
      const out = h("output");
      const id = `knob-${world}-${knob.name}`;
      const stops = knob.stops;
      const input = h("input", {
        type: "range", id, min: stops ? 0 : knob.low, max: stops ? stops.length - 1 : knob.high, step: stops ? 1 : knob.step,
        "aria-describedby": `${id}-help`,
        oninput: () => {
          this.write(knob, input, out);
          turn(world, { [knob.name]: this.value(knob, input) });
        },
      });
      this.inputs.set(knob.name, { knob, input, out });
      return h("div", { class: "knob" }, h("label", { for: id }, knob.label), input, out,
        h("p", { id: `${id}-help`, class: "help" }, knob.help, " ", h("code", {}, Object.keys(knob.sets).join(", "))));
    }));
  }

  value(knob, input) {
    return knob.stops ? knob.stops[Number(input.value)] : Number(input.value);
  }

  write(knob, input, out) {
    const value = this.value(knob, input);
    const text = knob.percent ? share(value) : plain(value, knob.step < 1 ? 2 : 0);
    say(out, text);
    input.setAttribute("aria-valuetext", text);
  }

  set(settings) {
    for (const [name, { knob, input, out }] of this.inputs) {
      if (settings[name] === undefined || document.activeElement === input) continue;
      input.value = knob.stops ? knob.stops.indexOf(settings[name]) : settings[name];
      this.write(knob, input, out);
    }
  }
}

/** Bet first, then look: `asked` makes the input, `done(bet)` unlocks the lesson. */
export function betCard({ question, input, read, done }) {
  const card = h("form", { class: "card bet", "aria-label": "Place your bet", onsubmit: (event) => {
    event.preventDefault();
    close(read());
  } }, h("h2", {}, "Place your bet"), h("p", {}, question), input,
  h("div", { class: "row" }, h("button", { class: "primary", type: "submit" }, "Place my bet"), h("button", { type: "button", class: "quiet", onclick: () => close(null) }, "Skip the bet")));
  function close(bet) {
    card.hidden = true;
    done(bet);
  }
  return card;
}

/** A slider whose steps grow: 1 to `top`, as people guess. */
export function logSlider(label, top, start) {
  const out = h("output", {}, String(start));
  const to = (v) => Math.round(Math.exp((Number(v) / 100) * Math.log(top)));
  const input = h("input", { type: "range", min: 0, max: 100, id: "bet", value: Math.round((100 * Math.log(start)) / Math.log(top)), oninput: () => {
    say(out, to(input.value).toLocaleString("en"));
    input.setAttribute("aria-valuetext", `${to(input.value)} people`);
  } });
  return { element: h("div", { class: "betline" }, h("label", { for: "bet" }, label), input, out), value: () => to(input.value) };
}
