// Styles over time: a dot on the time line for each time at which a mixture of styles is chosen.

import { chosen, restore } from "./gallery.js";
import { currentLayer } from "./layers.js";
import { now, onTime, placeOf, seek } from "./timeline.js";

const line = document.getElementById("dots");
const box = document.getElementById("moving");
const remove = document.getElementById("remove-dot");
let dots = [];  // {time, styles: [{id, weight}]}, by time
let changed = () => {};

/** Calls `listener` whenever the styles over time change. */
export function onDots(listener) {
  changed = listener;
}

/** The styles over time, `[{time, styles}]`; empty if one choice is for all times. */
export function track() {
  return box.checked ? dots : [];
}

/** Sets what `track` gave. */
export function restoreDots(list) {
  dots = list.map(({ time, styles }) => ({ time, styles }));
  box.checked = dots.length > 0;
  show();
}

/** Takes what is chosen in the gallery: it becomes a dot at the time that is looked at. */
export function takeChoice() {
  if (!box.checked || currentLayer() > 0) return;  // the layers above keep their style
  dots = [...dots.filter(({ time }) => time !== now()), { time: now(), styles: chosen() }];
  dots.sort((first, second) => first.time - second.time);
  show();
}

/** Shows the dots, for another clip too. */
export function show() {
  line.hidden = !box.checked;
  remove.hidden = !box.checked;
  const place = dots.findIndex(({ time }) => time === now());
  remove.disabled = place < 0 || dots.length < 2;
  line.replaceChildren(...dots.map((dot, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "dot";
    button.style.left = `${100 * placeOf(dot.time)}%`;
    const names = dot.styles.map(({ id }) => id).join(" + ");
    button.setAttribute("aria-label", `${names} at ${dot.time.toFixed(1)} s`);
    button.title = `${names} at ${dot.time.toFixed(1)} s; Delete removes it`;
    if (index === place) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => seek(dot.time));
    button.addEventListener("keydown", (event) => {
      if (event.key === "Delete" || event.key === "Backspace") removeDot(index);
    });
    return button;
  }));
}

function removeDot(index) {
  if (dots.length < 2) return;  // one choice is always there
  dots.splice(index, 1);
  show();
  changed();
}

box.addEventListener("change", () => {
  dots = [];
  takeChoice();
  show();
  changed();
});
remove.addEventListener("click", () => removeDot(dots.findIndex(({ time }) => time === now())));
onTime(() => {
  const dot = track().find(({ time }) => time === now());
  if (dot && currentLayer() === 0) restore(dot.styles);
  show();
});
