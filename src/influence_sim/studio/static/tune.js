// Lesson "Turn the algorithm's knobs": two feeds, and who gets the views.
import { h, count, share, plain, signed } from "./dom.js";
import { DID, DID_WORDS, legend } from "./map.js";
import { LineChart } from "./charts.js";
import { PairScreen } from "./pair.js";

export class TuneScreen extends PairScreen {
  mapLabel() { return "who has seen the followed video, on the map of interests."; }
  palette() { return (state) => DID[state]; }
  betQuestion() { return "In which world will the smaller half of creators get the larger share of views after twelve days?"; }
  better() { return "small creators got more of the views"; }
  outcome(x) { return share(x); }
  points(x) { return x === null ? "–" : `${signed(100 * x, 1)} points`; }

  makeCharts() {
    const hours = this.lesson.hours;
    const make = (options) => Object.assign(new LineChart({ x: "hours", span: hours, hoursToDays: true, ...options }), { hours: true });
    this.reach = make({ title: "Who saw the followed video", y: "people", top: 20 });
    this.small = make({ title: "Share of views of the smaller half of creators", y: "share", top: 0.6, number: (x) => share(x), fixed: true });
    this.lorenz = new LineChart({ title: "Who gets the views (Lorenz curve and Gini)", x: "share of creators, smallest first", y: "share of views", span: 1, top: 1, number: (x) => share(x), fixed: true, end: (name) => `${name} ${plain(this.ginis?.[name], 2)}` });
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
    this.ginis = { ...this.ginis, [name]: world.gini };
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
