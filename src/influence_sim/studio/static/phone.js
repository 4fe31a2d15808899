// One person's feed as a phone shows it, and the reasons behind each video.
import { h, count, share, plain, when } from "./dom.js";

const WORDS = {
  follow: "Following", interest: "For you", trending: "Trending", random: "At random", explore: "Test audience",
  paid: "Paid ad", heated: "Heated", outside: "Elsewhere", outside_ad: "Ad from elsewhere", empty: "Nothing left",
};
const ACTIONS = { like: "♥", comment: "✎", share: "➤", follow: "+", not_interested: "✕", click: "↗", purchase: "$" };

/** A picture for a video that has none: three shapes, always the same for the same post. */
function cover(post, topic, topics) {
  const hue = Math.round((360 * topic) / topics + 200) % 360;
  const dice = (k) => ((Math.imul(post + 1, 2654435761) >>> (k * 5)) % 97) / 97;
  const shape = (k) => h("svg:circle", { cx: 100 * dice(k), cy: 60 * dice(k + 1), r: 14 + 26 * dice(k + 2), fill: `hsl(${hue + 36 * k} 70% ${46 + 10 * k}% / .55)` });
  return h("svg:svg", { viewBox: "0 0 100 60", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true", class: "cover" },
    h("svg:rect", { width: 100, height: 60, fill: `hsl(${hue} 55% 34%)` }), [0, 1, 2].map(shape));
}

/** The phone. `open(card)` is called when a video is chosen. */
export class Phone {
  constructor(open) {
    this.open = open;
    this.list = h("ol", { class: "reel", "aria-label": "Videos this person was shown, newest first" });
    this.owner = h("p", { class: "owner" }, "Choose a person on the map.");
    this.element = h("section", { class: "phone", "aria-label": "Phone" }, h("div", { class: "notch", "aria-hidden": "true" }), this.owner, this.list);
  }

  show(person, cards, scene, chosen) {
    this.owner.textContent = `Person ${person}'s feed`;
    this.element.dataset.person = person;
    const focused = document.activeElement?.dataset?.slot;
    // Videos from outside the model in a row are told in one line.
    const rows = cards.map((card) => ({ card, times: 1 })).reduce((kept, row) => {
      const last = kept.at(-1);
      if (last && !last.card.winner && !row.card.winner && last.card.source === row.card.source) last.times += 1;
      else kept.push(row);
      return kept;
    }, []);
    this.list.replaceChildren(...(rows.length ? rows.map(({ card, times }, i) => this.row(card, times, i, scene, chosen)) : [h("li", { class: "empty" }, "Not on the app yet today. Play on.")]));
    if (focused) this.list.querySelector(`[data-slot="${focused}"]`)?.focus();
  }

  row(card, times, i, scene, chosen) {
    const video = card.winner;
    const key = `${card.day}-${card.slot}`;
    const badge = h("span", { class: `badge ${card.source}` }, WORDS[card.source]);
    const when_ = h("span", { class: "time" }, when(Math.max(0, card.hour)));
    if (!video) return h("li", { class: "clip outside" }, h("button", { data: { slot: key }, onclick: () => this.open(card) }, badge, times > 1 ? h("span", {}, `× ${times}`) : null, when_, h("span", { class: "sr" }, " from outside the model")));
    const part = Math.min(1, card.watched / video.seconds);
    return h("li", { class: `clip ${i === 0 ? "now" : ""} ${card.followed ? "followed" : ""} ${key === chosen ? "chosen" : ""}` },
      h("button", { data: { slot: key }, onclick: () => this.open(card) },
        cover(video.post, video.topic, scene.topics.length),
        h("span", { class: "over" }, h("b", {}, video.handle), h("span", { class: "topic" }, `#${scene.topics[video.topic]?.name ?? video.topic}`)),
        h("span", { class: "right" }, card.actions.map((a) => h("span", { title: a.replace("_", " ") }, ACTIONS[a] ?? a, h("span", { class: "sr" }, ` ${a} `)))),
        badge, when_,
        video.sponsored ? h("span", { class: "badge ad" }, video.labelled ? "Ad, labelled" : "Ad, hidden") : null,
        h("span", { class: "watch" }, h("i", { style: { width: `${100 * part}%` } }), h("span", { class: "sr" }, `watched ${share(part)}`))));
  }
}

/** The panel that says why a video was shown: words first, then every factor of the score. */
export function whyPanel(card, scene) {
  const video = card.winner ?? card.runner_up;
  const head = h("h3", {}, card.followed ? "Why did this person see the video?" : "Why was this shown?");
  if (!video) return h("div", { class: "why" }, head, ...card.words.map((line) => h("p", {}, line)));
  const said = card.source === "explore"
    ? "The video is being tested, and this person belongs to the test audience. There was no contest: this slot was kept for tests."
    : card.source === "paid" || card.source === "heated"
      ? `The video ${card.source_words}. There was no contest for the slot.`
      : card.winner
        ? `It ${card.source_words}. Among ${card.candidates} videos found for this moment${card.outside ? " and those from elsewhere" : ""}, it scored highest.`
        : "A video from outside the model won this slot. The best one of the town is shown below.";
  const match = h("ul", { class: "terms" }, video.match.map((term) => term_(term.words, term.value, 3)));
  const scored = video.score !== null;
  const factors = h("ul", { class: "terms factors", data: { score: video.score ?? "" } }, video.factors.map((f) => factor_(f)));
  return h("div", { class: "why", data: { day: card.day, slot: card.slot, source: card.source, post: video.post, watched: card.watched } }, head,
    h("p", { class: "lead" }, h("b", {}, video.handle), ` has ${count(video.followers)} followers; this person ${video.follows ? "follows them" : "does not follow them"}. `, said),
    h("p", { class: "predicted" }, "The platform expects: ", h("b", {}, `${plain(video.predictions.seconds, 0)} s`), " of watching, a like with ", h("b", {}, share(video.predictions.like, 1)), card.winner ? ". What happened: " : ". What was shown instead was watched for ",
      h("b", {}, `${plain(card.watched, 1)} s`), card.actions.length ? ` and ${card.actions.join(", ").replaceAll("_", " ")}` : ", nothing else", "."),
    h("h4", {}, "What it knows about the match"), match,
    h("h4", {}, scored ? "The score, factor by factor" : "The factors its score would have had"), factors,
    scored ? h("p", { class: "score" }, "× all together = ", h("b", { data: { shown: "score" } }, plain(video.score, 4)),
      card.runner_up && card.winner ? ` · runner-up ${card.runner_up.handle}: ${plain(card.runner_up.score, 4)}` : "", card.outside ? ` · best from elsewhere: ${plain(card.outside, 4)}` : "") : null);
}

/** A term that adds: a bar to the right or to the left of zero. */
function term_(words, value, top) {
  const part = Math.max(-1, Math.min(1, (value ?? 0) / top));
  return h("li", {}, h("span", { class: "name" }, words), h("span", { class: "both" }, h("i", { class: part < 0 ? "minus" : "plus", style: { "--part": Math.abs(part) } })), h("b", {}, value === null ? "–" : `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}`));
}

/** A factor that multiplies: the bar shows its logarithm, so factors that cancel out look alike. */
function factor_({ words, value }) {
  const part = value > 0 ? Math.max(-1, Math.min(1, Math.log(value) / Math.log(4))) : -1;
  return h("li", { data: { value } }, h("span", { class: "name" }, words), h("span", { class: "both" }, h("i", { class: part < 0 ? "minus" : "plus", style: { "--part": Math.abs(part) } })), h("b", {}, value === null ? "–" : `× ${value.toPrecision(3)}`));
}
