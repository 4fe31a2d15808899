// A lesson played by the server: requests go out, scenes, frames and answers come in.
import { decode } from "./frames.js";

const WAITS = [500, 1000, 2000, 4000, 8000];

/** A source of worlds. `listen(message)` gets everything, also {type: "lost"} and {type: "back"}. */
export class LiveSource {
  constructor(token, listen) {
    this.token = token;
    this.listen = listen;
    this.can = new Set(["setup", "knobs", "phone", "why", "luck", "reveal", "take"]);
    this.socket = null; // from the first lesson on; other pages need none
    this.opened = null; // the last lesson opened, to open it when connected, and again after a lost connection
    this.rounds = 0;
    this.log = [];
    this.tries = 0;
  }

  connect() {
    const socket = new WebSocket(`ws://${location.host}/ws?token=${encodeURIComponent(this.token)}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      this.listen({ type: "back" });
      this.raw({ ...this.opened, rounds: this.rounds, log: this.log });
    };
    socket.onmessage = ({ data }) => this.take(typeof data === "string" ? JSON.parse(data) : decode(data));
    socket.onclose = ({ code, reason }) => {
      if (socket !== this.socket) return; // left by `close`
      const final = code === 4008 || code === 4009;
      this.listen({ type: "lost", reason: reason || "", final });
      if (final) this.socket = null;
      else setTimeout(() => socket === this.socket && this.connect(), WAITS[Math.min(this.tries++, WAITS.length - 1)]);
    };
  }

  /** Leave the lesson: its session ends, and the next lesson begins another. */
  close() {
    this.socket?.close();
    this.socket = null;
    this.listen({ type: "back" });
  }

  take(message) {
    if (message.type === "scene") this.fresh = true;
    if (message.type === "frame") this.raw({ type: "drawn" });
    // What is still under way from the lesson before must not reach the one just opened.
    if (!this.fresh && message.type !== "error") return;
    if (message.type === "frame") {
      this.rounds = message.rounds;
      for (const world of message.worlds) {
        if (world.turned) this.log.push({ round: world.turned[0], world: world.name, settings: world.turned[1] });
      }
    }
    this.listen(message);
  }

  raw(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  send(message) {
    if (message.type === "open") {
      this.opened = structuredClone(message); // knobs turned later are in the log
      this.fresh = false;
      this.rounds = 0;
      this.log = [];
      if (!this.socket) return this.connect();
    }
    this.raw(message);
  }

  /** Send a scenario file; returns {base, name} or {problems}. */
  async upload(file) {
    if (file.size > 256 * 1024) return { problems: ["the file is larger than 256 KB"] };
    try {
      const answer = await fetch(`/scenario?token=${encodeURIComponent(this.token)}`, { method: "POST", body: await file.text() });
      return await answer.json();
    } catch {
      return { problems: ["the studio did not answer"] };
    }
  }
}
