// The brush: pointer and keys on the frame become strokes in its mask, and what the tools do beside it.

import { canvas, frameSize, moveBorder, pointOf, redraw, showMask, stage } from "./frame.js";
import { isPinching, onPinch } from "./pinch.js";

const STEP = 10;  // px of the frame that an arrow key moves the brush
const element = (id) => document.getElementById(id);
const cursor = element("cursor");
const sliders = { size: element("brush-size"), softness: element("brush-softness"), strength: element("brush-strength") };
let editor = null;  // {isReady(), mask(), changed(isOver)}: the mask of the frame, and whom to tell
let layer = 0;
let place = null;  // the last point of the stroke, or of the brush that is moved by keys
let erased = 1;  // the share to which the eraser goes back: that of a mask on which nothing was brushed
let begun = 0;  // the time stamp of the event that is drawn

/** Lets `next` be edited: `mask()` makes the frame's mask, `changed(isOver)` is called while a stroke moves. */
export function useEditor(next) {
  editor = next;
  refreshTools();
}

/** The layer that is brushed: the lowest one is everywhere, the others nowhere until they are brushed. */
export function editLayer(index) {
  layer = index;
  erased = index === 0 ? 1 : 0;
  showMask(element("show-mask").checked, layer);
  refreshTools();
}

/** Lets the brush's strength go up to `strongest`, that of the painting; it keeps its share of it. */
export function setStrongest(strongest) {
  const slider = sliders.strength;
  const share = Number(slider.value) / Number(slider.max);
  slider.max = Math.max(0.05, strongest);
  slider.value = share * slider.max;
  slider.dispatchEvent(new Event("input"));
}

/** Enables the buttons that can do something now. */
export function refreshTools() {
  const mask = frameSize() && editor?.mask(false);
  element("undo").disabled = !mask?.canUndo;
  element("redo").disabled = !mask?.canRedo;
  for (const id of ["fill", "invert"]) element(id).disabled = !frameSize() || !editor?.isReady();
}

function tool() {
  return document.querySelector("input[name=tool]:checked").value;
}

function brush() {
  const share = tool() === "erase" ? erased : Number(sliders.strength.value) / Number(sliders.strength.max);
  const size = Number(sliders.size.value) / 100 * Math.min(canvas.width, canvas.height);
  return { size, softness: Number(sliders.softness.value), share };
}

function stroke(from, to, isOver = false) {
  const area = editor.mask(true).extend(from, to);
  redraw(area);
  measure();
  editor.changed(isOver);
}

/** Notes the time from the event to the picture, which developer tools and tests read. */
function measure() {
  const start = begun;
  requestAnimationFrame(() => performance.measure("stroke", { start, end: performance.now() }));
}

function isDrawing() {
  return editor?.isReady() && frameSize() && (tool() === "brush" || tool() === "erase");
}

canvas.addEventListener("pointerdown", (event) => {
  if (!frameSize() || event.button > 1) return;
  canvas.setPointerCapture(event.pointerId);
  begun = event.timeStamp;
  if (isDrawing() && event.button === 0 && event.isPrimary) {
    performance.clearMeasures("stroke");
    place = pointOf(event);
    editor.mask(true).begin(brush());
    stroke(place, place);
  } else if (tool() === "compare" && event.button === 0 && event.isPrimary) {
    moveBorder(event);
  }
});
canvas.addEventListener("pointermove", (event) => {
  showCursor(pointOf(event));
  if (!canvas.hasPointerCapture(event.pointerId) || isPinching()) return;
  const mask = editor?.mask(false);
  if (mask?.stroke && event.isPrimary) {
    begun = event.timeStamp;
    const next = pointOf(event);
    stroke(place, next);
    place = next;
  } else if (tool() === "move" || event.buttons === 4) {
    stage.scrollBy(-event.movementX, -event.movementY);
  } else if (tool() === "compare") {
    moveBorder(event);
  }
});
for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => {
  if (event.isPrimary) endStroke();
});
canvas.addEventListener("pointerleave", () => { cursor.hidden = true; });
canvas.addEventListener("blur", () => { cursor.hidden = true; endStroke(); });

function endStroke() {
  const mask = editor?.mask(false);
  if (!mask?.stroke) return;
  mask.end();
  editor.changed(true);
  refreshTools();
}

onPinch(() => {
  cursor.hidden = true;
  const mask = editor?.mask(false);
  if (!mask?.stroke) return;
  mask.cancel();
  redraw();
  editor.changed(true);
  refreshTools();
});

/** Shows the outline of the brush at a point of the frame. */
function showCursor([x, y]) {
  cursor.hidden = !isDrawing();
  if (cursor.hidden) return;
  const scale = canvas.clientWidth / canvas.width;
  const side = brush().size * scale;
  const [left, top] = [canvas.offsetLeft + x * scale, canvas.offsetTop + y * scale];
  cursor.style.cssText = `width: ${side}px; height: ${side}px; left: ${left - side / 2}px; top: ${top - side / 2}px`;
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  if (!isDrawing() || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = place ?? [canvas.width / 2, canvas.height / 2];
  const arrow = ARROWS[event.key];
  begun = event.timeStamp;
  if (arrow) {
    const next = [
      Math.min(canvas.width, Math.max(0, at[0] + STEP * arrow[0])),
      Math.min(canvas.height, Math.max(0, at[1] + STEP * arrow[1])),
    ];
    if (editor.mask(false)?.stroke) stroke(at, next);
    place = next;
  } else if (event.key === " " || event.key === "Enter") {
    place = at;
    if (!event.repeat && !editor.mask(true).stroke) {
      editor.mask(true).begin(brush());
      stroke(at, at);
    }
  } else {
    return;
  }
  showCursor(place);
  event.preventDefault();
});
canvas.addEventListener("keyup", (event) => {
  if (event.key === " " || event.key === "Enter") endStroke();
});

const actions = {
  undo: () => editor.mask(true).undo(),
  redo: () => editor.mask(true).redo(),
  fill: () => editor.mask(true).fill(brush().share),
  invert: () => editor.mask(true).invert(),
};
for (const [id, act] of Object.entries(actions)) {
  element(id).addEventListener("click", () => {
    endStroke();  // what it goes on from would be what was before
    act();
    redraw();
    editor.changed(true);
    refreshTools();
  });
}

/** Chooses compare, brush, erase or move. */
export function chooseTool(value) {
  const input = document.querySelector(`input[name=tool][value=${value}]`);
  input.checked = true;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function turn(slider, by) {
  slider.value = Number(slider.value) + by * Number(slider.step);
  slider.dispatchEvent(new Event("input"));
}

const KEYS = {
  c: () => chooseTool("compare"),
  b: () => chooseTool("brush"),
  e: () => chooseTool("erase"),
  m: () => chooseTool("move"),
  "[": () => turn(sliders.size, -1),
  "]": () => turn(sliders.size, 1),
  "-": () => turn(element("zoom"), -1),
  "+": () => turn(element("zoom"), 1),
};
document.addEventListener("keydown", (event) => {
  if (event.target.matches?.("input[type=text], textarea, select")) return;
  const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
  if (isUndo) element(event.shiftKey ? "redo" : "undo").click();
  else if (!event.ctrlKey && !event.metaKey && !event.altKey && KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});
element("tools").addEventListener("change", () => {
  const isBrush = tool() === "brush" || tool() === "erase";
  element("brush-box").hidden = element("brush-help").hidden = !isBrush;
  canvas.dataset.tool = tool();
  if (isBrush) element("divider").value = 0;  // all of it is seen
  redraw();
});
element("show-mask").addEventListener("change", (event) => showMask(event.target.checked, layer));
for (const slider of Object.values(sliders)) {
  const show = () => { element(`${slider.id}-value`).textContent = slider.value; };
  slider.addEventListener("input", show);
  show();
}
