// Compare, stress test, allocate: the server makes forms and results; this module fetches them, sends forms, and looks again while a job runs.
import { h, say } from "./dom.js";

export const STRATEGY = new Set(["compare", "stress", "allocate", "runs"]);

/** A page of the strategist: `name` is a question, or question/scenario, or question/job. */
export class StrategyScreen {
  constructor({ name, token, go }) {
    Object.assign(this, { name, token, go, lesson: { name } });
    this.body = h("div", { class: "strategy", onclick: (e) => this.click(e), onchange: (e) => this.change(e), onsubmit: (e) => this.submit(e) }, h("p", { class: "loading" }, "Loading …"));
    this.live = h("p", { class: "sr", "aria-live": "polite" });
    this.element = h("article", {}, this.body, this.live);
  }

  act() { clearTimeout(this.timer); this.gone = true; }

  take() {}

  key() {}

  ask(path, post) { return fetch(`/strategy/${path}?token=${encodeURIComponent(this.token)}`, post); }

  /** Fetch the page; what has not changed is left alone, so that focus stays where it is. */
  async open() {
    let again = true;
    try {
      const answer = await this.ask(this.name);
      const text = await answer.text();
      if (this.gone) return;
      again = answer.ok ? this.show(text) : this.complain(JSON.parse(text).problems);
    } catch { /* the bar says that the connection is lost; it is tried again */ }
    if (again && !this.gone) this.timer = setTimeout(() => this.open(), 1000);
  }

  show(text) {
    const page = new DOMParser().parseFromString(text, "text/html").body;
    const [now, then] = [page, this.body].map((side) => side.querySelector("[data-status]"));
    const status = now?.dataset.status;
    if (text !== this.text) {
      say(this.live, `${status ?? ""} ${page.querySelector(".verdict h2")?.textContent ?? ""}`);
      if (status === "running" && then?.dataset.status === status) {
        for (const part of ["progress", ".line"]) then.querySelector(part).replaceWith(now.querySelector(part));
      } else this.body.replaceChildren(...page.childNodes);
    }
    this.text = text;
    return status === "running" || status === "waiting";
  }

  complain(problems) {
    const told = problems.map((text) => h("pre", { class: "problem", role: "alert" }, text));
    (this.body.querySelector(".answer") ?? this.body.querySelector(".job") ?? this.body).replaceChildren(...told);
    return false;
  }

  async post(path, body) {
    try {
      const { problems, told, go } = await (await this.ask(path, { method: "POST", body })).json();
      if (problems) this.complain(problems);
      else if (told) say(this.body.querySelector(".answer"), told);
      else if (go !== this.name) this.go(go);
      else { clearTimeout(this.timer); this.open(); }
    } catch { this.complain(["the studio did not answer: try again"]); }
  }

  get kind() { return this.name.split("/")[0]; }

  submit(event) {
    event.preventDefault();
    say(this.body.querySelector(".answer"), "One moment …");
    this.post(this.kind, new URLSearchParams(new FormData(event.target, event.submitter)));
  }

  click({ target: { dataset } }) {
    if (dataset.copy) navigator.clipboard?.writeText(dataset.copy);
    else if (dataset.act) this.post(`${this.name}/${dataset.act}`);
  }

  async change({ target }) {
    if (target.name === "scenario") this.go(`${this.kind}/${target.value}`);
    else if (target.files?.[0]) this.post(`${this.kind}/upload`, await target.files[0].text());
  }
}
