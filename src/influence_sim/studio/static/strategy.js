// Compare, stress test, allocate: the server makes forms and results; this module fetches them, sends forms and looks again while a job runs.
import { h } from "./dom.js";

export const STRATEGY = new Set(["compare", "stress", "allocate", "runs"]);

/** A page of the strategist: `name` is a question, or question/scenario, or question/job. */
export class StrategyScreen {
  constructor({ name, token, go }) {
    Object.assign(this, { name, token, go, lesson: { name } });
    this.element = h("article", { class: "strategy", onclick: (e) => this.click(e), onchange: (e) => this.change(e), onsubmit: (e) => this.submit(e) }, h("p", { class: "loading" }, "Loading …"));
  }

  open() { this.look(); }

  act() { clearTimeout(this.timer); this.gone = true; }

  take() {}

  key() {}

  address(path) { return `/${path}?token=${encodeURIComponent(this.token)}`; }

  /** Fetch the page; what has not changed is left alone, so that focus stays where it is. */
  async look() {
    let again = true;
    try {
      const answer = await fetch(this.address(`strategy/${this.name}`));
      const text = await answer.text();
      if (this.gone) return;
      again = answer.ok ? this.show(text) : this.say(JSON.parse(text).problems);
    } catch { /* the bar says that the connection is lost; it is tried again */ }
    if (again && !this.gone) this.timer = setTimeout(() => this.look(), 1000);
  }

  show(text) {
    if (text !== this.text) {
      const page = new DOMParser().parseFromString(text, "text/html").body;
      const [now, then] = [page, this.element].map((side) => side.querySelector("[data-status]"));
      if (now && then?.dataset.status === "running" && now.dataset.status === "running") {
        for (const part of ["progress", ".line"]) then.querySelector(part).replaceWith(now.querySelector(part));
      } else this.element.replaceChildren(...page.childNodes);
      this.text = text;
    }
    return this.element.querySelector("[data-again]") !== null;
  }

  say(problems) {
    const box = this.element.querySelector(".answer") ?? this.element;
    box.replaceChildren(...problems.map((text) => h("pre", { class: "problem", role: "alert" }, text)));
    return false;
  }

  async post(path, body) {
    try {
      const answer = await (await fetch(this.address(path), { method: "POST", body })).json();
      if (answer.problems) this.say(answer.problems);
      else if (answer.told) this.element.querySelector(".answer").textContent = answer.told;
      else if (answer.go === this.name) { clearTimeout(this.timer); this.look(); } else this.go(answer.go);
    } catch { this.say(["the studio did not answer: try again"]); }
  }

  submit(event) {
    event.preventDefault();
    event.target.querySelector(".answer").textContent = "One moment …";
    this.post(`strategy/${event.target.dataset.post}`, new URLSearchParams(new FormData(event.target, event.submitter)));
  }

  click({ target }) {
    if (target.dataset.copy) navigator.clipboard?.writeText(target.dataset.copy);
    else if (target.matches("button[data-post]")) this.post(`strategy/${target.dataset.post}`);
  }

  async change({ target }) {
    const [kind] = this.name.split("/");
    if (target.id === "scenario") this.go(`${kind}/${target.value}`);
    else if (target.files?.[0]) this.post(`strategy/${kind}/upload`, await target.files[0].text());
  }
}
