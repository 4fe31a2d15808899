// Make elements and write numbers. Text is always set as text, so no name can become markup.

/** h("button", {class: "x", onclick: f, "aria-label": "y"}, "text", child, ...): an element. */
export function h(tag, props, ...children) {
  const element = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Replace what an element holds, unless its text is the same already. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const count = (x) => (x === null || x === undefined ? "–" : Math.round(x).toLocaleString("en"));
export const share = (x, digits = 0) => (x === null || x === undefined ? "–" : `${(100 * x).toFixed(digits)} %`);
export const plain = (x, digits = 2) => (x === null || x === undefined ? "–" : Number(x).toFixed(digits));
export const signed = (x, digits = 2) => (x === null || x === undefined ? "–" : `${x >= 0 ? "+" : "−"}${Math.abs(x).toFixed(digits)}`);

/** "hour 7" within two days, "day 12, 14:00" after that. */
export function when(hour) {
  const whole = Math.floor(hour + 1e-9);
  return whole <= 72 ? `hour ${whole}` : `day ${Math.floor(whole / 24) + 1}, ${String(whole % 24).padStart(2, "0")}:00`;
}

const known = new Map(); // asked for hundreds of times a picture

/** A value of the style sheet, such as "--ink"; canvases have no styles of their own. */
export function css(name) {
  if (!known.has(name)) known.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return known.get(name);
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Call `f` when the colours of the page change: a canvas does not repaint by itself. */
export function onTheme(f) {
  const anew = () => {
    known.clear();
    f();
  };
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", anew);
  document.addEventListener("classmode", anew);
}

/** Offer a text as a file. */
export function download(name, text, type = "text/plain") {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
