// Two fingers on the frame make what is seen of it larger or smaller, and move it.

import { stage, zoom, zoomTo } from "./frame.js";

let last = null;  // {middle, distance} of the fingers, px of the window
let begun = () => {};

/** Calls `listener` when a second finger comes: what the first one has begun was not meant. */
export function onPinch(listener) {
  begun = listener;
}

/** Whether two fingers are on the frame. */
export function isPinching() {
  return last !== null;
}

function fingers({ touches: [first, second] }) {
  return {
    middle: [(first.clientX + second.clientX) / 2, (first.clientY + second.clientY) / 2],
    distance: Math.max(1, Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY)),
  };
}

stage.addEventListener("touchstart", (event) => {
  if (event.touches.length !== 2) return;
  event.preventDefault();  // the browser would make the whole page larger
  last = fingers(event);
  begun();
}, { passive: false });
stage.addEventListener("touchmove", (event) => {
  if (!last || event.touches.length !== 2) return;
  event.preventDefault();
  const next = fingers(event);
  zoomTo(zoom() * next.distance / last.distance, last.middle, next.middle);
  last = next;
}, { passive: false });
for (const kind of ["touchend", "touchcancel"]) stage.addEventListener(kind, (event) => {
  if (!event.touches.length) last = null;  // the finger that stays a little longer draws nothing
});
