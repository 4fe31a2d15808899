// Lesson "Trust and ads": what advertising, labels and replies do to trust.
import { h, count, share, plain, signed } from "./dom.js";
import { legend } from "./map.js";
import { LineChart } from "./charts.js";
import { PairScreen } from "./pair.js";

const TRUST = [["--t0", 0.9, false], ["--t1", 1.3, false], ["--t2", 1.3, false], ["--t3", 1.3, false], ["--t4", 1.3, false], ["--t5", 1.3, false]];
const TRUST_WORDS = ["follows nobody", "below .40", ".40 to .47", ".47 to .53", ".53 to .60", "above .60"];

export class TrustScreen extends PairScreen {
  towns() { return 20; }
  mapLabel() { return "how far people trust the creators they follow."; }
  palette() { return (state) => TRUST[state]; }
  betQuestion() { return "In which world will people trust the creators they follow more, after forty days?"; }
  better() { return "trust was higher"; }
  outcome(x) { return plain(x, 3); }
  points(x) { return signed(x, 3); }

  makeCharts() {
    const hours = this.lesson.hours;
    const make = (options) => Object.assign(new LineChart({ x: "hours", span: hours, hoursToDays: true, ...options }), { hours: true });
    this.trust = make({ title: "Trust in followed creators, 0 to 1", y: "mean trust", low: 0.3, top: 0.7, number: (x) => plain(x, 3), tick: (x) => plain(x, 1), fixed: true });
    this.left = make({ title: "Followers who left, so far", y: "unfollows", top: 50 });
    this.likes = make({ title: "Likes per view, last three days", y: "share", top: 0.2, number: (x) => share(x, 1), tick: (x) => share(x) });
    return [this.trust, this.left, this.likes];
  }

  scene(scene) {
    super.scene(scene);
    this.legend.replaceChildren(h("b", { class: "soft" }, "Trust: "), legend(TRUST_WORDS, TRUST));
  }

  numbers({ trust, follows, unfollows, engagement, sponsored }) {
    return [["trust", plain(trust, 3)], ["follows", count(follows)], ["left", count(unfollows)], ["likes per view", share(engagement, 1)], ["ads in feeds", share(sponsored, 1)]];
  }

  plot(name, world, hour) {
    this.trust.add(name, hour, world.trust);
    this.left.add(name, hour, world.unfollows);
    this.likes.add(name, hour, world.engagement);
  }

  sentence({ worlds: [a, b], hour }) {
    if (hour === 0 || a.trust === null) return "Everybody begins with the same trust in both worlds.";
    const gap = b.trust - a.trust;
    const words = Math.abs(gap) < 0.005 ? "Trust is the same in both worlds." : `Trust stands at ${plain(a.trust, 2)} in A and ${plain(b.trust, 2)} in B.`;
    return `${words} ${count(a.unfollows)} follows ended in A, ${count(b.unfollows)} in B.`;
  }
}
