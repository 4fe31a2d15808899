// The words of a lesson: NetLogo's sections, presets, and what a teacher needs.
import { h } from "./dom.js";

const SECTIONS = [
  ["what", "What is it?"], ["how", "How it works"], ["use", "How to use it"], ["notice", "Things to notice"], ["try", "Things to try"],
  ["extend", "Extending it"], ["limits", "Limits"],
];

/** All sections of a lesson. */
export function lessonNotes(lesson) {
  const body = (value) => (Array.isArray(value) ? h("ul", {}, value.map((line) => h("li", {}, line))) : h("p", {}, value));
  return h("section", { class: "notes", "aria-label": "About this lesson" },
    SECTIONS.map(([key, title]) => h("details", { open: key === "notice" || key === "try", class: `note-${key}` }, h("summary", {}, title), body(lesson.notes[key]))),
    h("details", { class: "teacher" }, h("summary", {}, `Teacher notes (${lesson.minutes} minutes)`), body(lesson.teacher)));
}

/** Preset buttons; `choose(preset)` gets the one that was pressed. */
export function presetRow(lesson, presets, choose) {
  return h("div", { class: "presets", role: "group", "aria-label": "Starting points" }, presets.map((preset) =>
    h("button", { class: "preset", onclick: () => choose(preset) }, h("b", {}, preset.name), h("span", {}, preset.text))));
}
