// The frame around every screen: bar, navigation, class mode, messages about the connection.
import { h } from "./dom.js";

/** The mark of the studio: three people, one arrow of influence. */
export function logo() {
  return h("svg:svg", { viewBox: "0 0 32 32", "aria-hidden": "true", class: "logo" },
    h("svg:path", { d: "M8 23 Q10 8 24 9 M8 23 Q17 17 25 22", class: "links" }),
    h("svg:circle", { cx: 8, cy: 23, r: 5, class: "one" }), h("svg:circle", { cx: 24, cy: 9, r: 4, class: "two" }), h("svg:circle", { cx: 25, cy: 22, r: 3, class: "three" }));
}

/** Fill the bar. `tabs` are [name, title]; `go(name)` opens one. */
export function bar(tabs, go) {
  const mode = h("button", { class: "quiet", id: "classmode", "aria-pressed": "false", onclick: () => classMode(!document.body.classList.contains("class")) }, "Class mode");
  const links = tabs.map(([name, title]) => h("a", { href: `#${name}`, data: { tab: name }, onclick: (event) => { event.preventDefault(); go(name); } }, title));
  document.getElementById("bar").replaceChildren(
    h("a", { class: "brand", href: "#start", onclick: (event) => { event.preventDefault(); go("start"); } }, logo(), h("span", {}, "influence_sim ", h("b", {}, "studio"))),
    h("nav", { "aria-label": "Lessons" }, links), mode);
  try { if (sessionStorage.getItem("class") === "1") classMode(true); } catch { /* a file from disk may have no storage */ }
  return (name) => links.forEach((link) => (link.dataset.tab === name ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current")));
}

/** Larger text and stronger contrast, for a projector. */
export function classMode(on) {
  document.body.classList.toggle("class", on);
  document.getElementById("classmode")?.setAttribute("aria-pressed", String(on));
  try { sessionStorage.setItem("class", on ? "1" : "0"); } catch { /* as above */ }
  document.dispatchEvent(new Event("classmode"));
  dispatchEvent(new Event("resize"));
}

/** A name as an address has it: a scenario may be called R&D. */
export const address = (name) => encodeURIComponent(name).replaceAll("%2F", "/");

/** What the address keeps after #: the screen, and its setup and knobs, so that a link shows the same again. */
export function readView() {
  const [name, packed] = location.hash.slice(1).split("&", 2);
  try {
    return { name: decodeURIComponent(name) || "start", ...(packed ? JSON.parse(decodeURIComponent(packed)) : {}) };
  } catch {
    return { name: name || "start" };
  }
}

/** Keep a view in the address; `step` leaves the one before to the browser's Back. */
export function writeView(name, view, step = false) {
  if (location.protocol !== "about:") history[step ? "pushState" : "replaceState"](null, "", `#${address(name)}${view ? `&${encodeURIComponent(JSON.stringify(view))}` : ""}`);
}

/** A dialog with a text to copy or save. */
export function textDialog(title, text, filename, save) {
  const dialog = h("dialog", { "aria-label": title, onclose: () => dialog.remove() }, h("h2", {}, title), h("pre", { tabindex: 0 }, text),
    h("div", { class: "row" }, h("button", { class: "primary", onclick: () => navigator.clipboard?.writeText(text) }, "Copy"), h("button", { onclick: () => save(filename, text) }, "Save"), h("button", { class: "quiet", onclick: () => dialog.close() }, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}
