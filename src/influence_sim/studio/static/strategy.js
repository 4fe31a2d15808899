// Compare, stress test, allocate: the server makes forms and results; this module fetches them, sends forms, and looks again while a job runs.
import { h, say } from "./dom.js";
import { address } from "./shell.js";

export const STRATEGY = new Set(["compare", "stress", "allocate", "runs"]);

/** What the server said; where that is no JSON, the text is the problem. */
const parsed = (text) => { try { return JSON.parse(text); } catch { return { problems: [text] }; } };

/** A page of the strategist: `name` is a question, or question/scenario, or question/job. */
export class StrategyScreen {
  constructor({ name, token, go, warn }) {
    Object.assign(this, { name, token, go, warn, lesson: { name } });
    this.body = h("div", { class: "strategy", onclick: (e) => this.click(e), onchange: (e) => this.change(e), onsubmit: (e) => this.submit(e) }, h("p", { class: "loading" }, "Loading …"));
    this.live = h("p", { class: "sr", "aria-live": "polite" });
    this.element = h("article", {}, this.body, this.live);
  }

  act() { clearTimeout(this.timer); this.warn(""); this.gone = true; }

  take() {}

  key() {}

  ask(path, post) { return fetch(`/strategy/${address(path)}?token=${encodeURIComponent(this.token)}`, post); }

  /** Fetch the page; what has not changed is left alone, so that focus stays where it is. */
  async open() {
    let answer, text;
    try {
      answer = await this.ask(this.name);
      text = await answer.text();
    } catch { /* nothing came: asked again below */ }
    if (this.gone) return;
    const lost = text === undefined;
    this.warn(lost ? "Connection lost: trying again …" : "");
    clearTimeout(this.timer);
    if (lost || (answer.ok ? this.show(text) : this.complain(parsed(text).problems))) this.timer = setTimeout(() => this.open(), 1000);
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
    const card = this.body.querySelector(".job"); // keeps what it tells
    this.told?.remove();
    this.told = h("div", { role: "alert" }, problems.map((text) => h("pre", { class: "problem" }, text)));
    if (card) card.append(this.told);
    else (this.body.querySelector(".answer") ?? this.body).replaceChildren(this.told);
    return false;
  }

  /** Send something; a button asks once at a time. */
  async post(path, body, button = {}) {
    if (button.asking) return;
    button.asking = true;
    let text = "the studio did not answer: try again";
    try { text = await (await this.ask(path, { method: "POST", body })).text(); } catch { /* as said */ }
    button.asking = false;
    if (this.gone) return;
    const { problems, told, go } = parsed(text);
    if (problems) this.complain(problems);
    else if (told) say(this.body.querySelector(".answer"), told);
    else if (go !== this.name) this.go(go);
    else this.open();
  }

  get kind() { return this.name.split("/")[0]; }

  submit(event) {
    event.preventDefault();
    say(this.body.querySelector(".answer"), "One moment …");
    this.post(this.kind, new URLSearchParams(new FormData(event.target, event.submitter)), event.submitter);
  }

  click({ target }) {
    const { copy, act } = target.dataset;
    if (copy) navigator.clipboard?.writeText(copy);
    else if (act) this.post(`${this.name}/${act}`, undefined, target);
  }

  async change({ target }) {
    if (target.name === "scenario") this.go(`${this.kind}/${target.value}`);
    if (!target.files?.[0]) return;
    const text = await target.files[0].text();
    target.value = ""; // the same file may be chosen again once it is corrected
    this.post(`${this.kind}/upload`, text);
  }
}
