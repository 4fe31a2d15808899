// The live studio: one page, one connection, one screen at a time.
import { h, say, download } from "./dom.js";
import { LiveSource } from "./live.js";
import { FollowScreen } from "./follow.js";
import { ParallelScreen } from "./parallel.js";
import { TrustScreen } from "./trust.js";
import { TuneScreen } from "./tune.js";
import { bar, readView, textDialog, writeView } from "./shell.js";
import { startPage } from "./start.js";
import { STRATEGY, StrategyScreen } from "./strategy.js";

const SCREENS = { follow: FollowScreen, tune: TuneScreen, parallel: ParallelScreen, trust: TrustScreen };
const data = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("main");
const token = new URLSearchParams(location.search).get("token") ?? "";
const lost = h("div", { class: "lost", role: "alert", hidden: true });
document.body.prepend(lost);

let screen = null;
const context = {
  base: null,
  remember: (view) => screen && writeView(screen.lesson.name, view),
  took: ({ type, world, text }) => textDialog(type === "python" ? `World ${world} as Python` : `Scenario of world ${world}`, text, type === "python" ? "world.py" : "world.yaml", download),
};

/** Say above everything what is wrong with the connection. */
function warn(text) {
  lost.hidden = !text;
  say(lost, text);
}

const source = new LiveSource(token, (message) => {
  if (message.type === "lost") warn(message.final ? `The studio has closed this page: ${message.reason}. Reset or reload to begin again.` : "Connection lost. Paused, nothing lost: trying again …");
  else if (message.type === "back") warn("");
  else screen?.take(message);
});

const tabs = [...Object.values(data.lessons).map((lesson) => [lesson.name, lesson.title]), ["compare", "Strategy"], ["runs", "Runs"]];
const current = bar(tabs, (name) => go(name));

/** Show a screen; `view` restores its setup and knobs. */
function go(name, view = {}) {
  screen?.act("pause");
  screen = null;
  if (readView().name !== name) writeView(name, null, true);
  const lesson = data.lessons[name];
  const [kind] = name.split("/");
  const strategist = STRATEGY.has(kind);
  const tab = kind === "runs" ? "runs" : "compare";
  if (!lesson) source.close();
  if (strategist) {
    screen = new StrategyScreen({ name, token, go, warn });
    main.replaceChildren(screen.element);
    screen.open();
  } else if (!lesson) {
    writeView("start");
    main.replaceChildren(startPage(data.lessons, go, uploadBox()));
  } else {
    screen = new SCREENS[name]({ lesson, source, view, context });
    main.replaceChildren(screen.element);
    screen.open();
  }
  current(strategist ? tab : name);
  document.title = strategist ? `${tab === "runs" ? "Runs" : "Strategy"} · influence_sim studio` : lesson ? `${lesson.title} · influence_sim studio` : "influence_sim studio";
  scrollTo(0, 0);
}

function uploadBox() {
  const answer = h("div", { class: "answer", role: "status" });
  if (context.base) answer.textContent = `The lessons play in the market of ${context.base.name}.`;
  const input = h("input", { type: "file", id: "scenario", accept: ".yaml,.yml", onchange: async () => {
    const [file] = input.files;
    if (!file) return;
    const found = await source.upload(file);
    input.value = ""; // the same file may be chosen again once it is corrected
    context.base = found.base ? found : null;
    answer.replaceChildren(...(found.problems ? [h("p", {}, h("b", {}, "The file cannot be used.")), ...found.problems.map((text) => h("pre", {}, text))]
      : [h("p", {}, "The lessons now play in the market of ", h("b", {}, found.name), ".")]));
  } });
  return h("section", { class: "card upload" }, h("h2", {}, "Your own market"), h("p", {}, "The lessons can play in the market of a scenario file (YAML, up to 5,000 people) instead of their own."), h("label", { for: "scenario" }, "Scenario file "), input, answer);
}

document.addEventListener("keydown", (event) => screen?.key(event));
addEventListener("hashchange", () => { const { name, ...view } = readView(); if (name !== (screen?.lesson.name ?? "start")) go(name, view); });
const { name, ...view } = readView();
go(name, view);
