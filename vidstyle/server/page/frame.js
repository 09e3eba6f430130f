// The frame: source and painted layers on one canvas, mixed by masks, with a border that can be moved.

import { WHITE } from "./mask.js";

/** Where the frame is drawn. */
export const canvas = document.getElementById("canvas");
/** What the frame is seen in: a part of it, if it is made larger. */
export const stage = document.getElementById("stage");
const divider = document.getElementById("divider");
const hint = document.getElementById("stage-hint");
const slider = document.getElementById("zoom");
const context = canvas.getContext("2d");
const scratch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
let source = null;  // RGBA bytes
let layers = [];  // {painted: RGBA bytes, mask: Mask}, the lowest first; either may be null
let picture = null;  // ImageData: what is on the canvas
let isMaskShown = false;
let shownLayer = 0;

/** Shows the source frame; the painted ones of another frame are taken away. */
export function showSource(image, { keepsPainting = false } = {}) {
  resize(image.naturalWidth, image.naturalHeight);
  source = bytes(image);
  if (!keepsPainting) layers = layers.map(({ mask }) => ({ painted: null, mask }));
  redraw();
}

/** Shows a painted frame right of the border. */
export function showPainted(image, layer = 0) {
  if (!picture) resize(image.naturalWidth, image.naturalHeight);
  at(layer).painted = bytes(image);
  redraw();
}

/** Mixes a layer by `mask`; null shows all of it. */
export function setMask(mask, layer = 0) {
  at(layer).mask = mask;
  redraw();
}

/** Shows the mask of a layer instead of the painting, or the painting again. */
export function showMask(isOn, layer = 0) {
  isMaskShown = isOn;
  shownLayer = layer;
  redraw();
}

/** Shows nothing: for a new clip, which has `count` layers. */
export function clearFrame(count = 1) {
  source = picture = null;
  layers = Array.from({ length: count }, () => ({ painted: null, mask: null }));
  context.clearRect(0, 0, canvas.width, canvas.height);
  describe();
}

/** What stands in the middle of an empty stage. */
export function setHint(text) {
  hint.textContent = text;
  hint.hidden = text === "";
}

/** Width and height of the frame on the canvas, in px; null if there is none. */
export function frameSize() {
  return picture && { width: picture.width, height: picture.height };
}

/** The pixel of the frame at which a pointer is, not rounded. */
export function pointOf(event) {
  const box = canvas.getBoundingClientRect();
  return [
    (event.clientX - box.left) / box.width * canvas.width,
    (event.clientY - box.top) / box.height * canvas.height,
  ];
}

/** Draws a picture over all of the frame, until `redraw` is called. */
export function drawOver(image) {
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
}

/** Moves the border to a pointer. */
export function moveBorder(event) {
  const box = canvas.getBoundingClientRect();
  divider.value = Math.min(100, Math.max(0, 100 * (event.clientX - box.left) / box.width));
  redraw();
}

/** Mixes the pixels of a rectangle again, or all. */
export function redraw(area = { left: 0, top: 0, right: canvas.width, bottom: canvas.height }) {
  describe();
  if (!picture || (!source && !isPainted())) return;  // a camera is drawn over the canvas
  const { left, top, right, bottom } = area;
  if (right <= left || bottom <= top) return;
  const border = isPainted() || isMaskShown ? Math.round(canvas.width * divider.value / 100) : canvas.width;
  const split = Math.min(right, Math.max(left, border));
  copySource(left, split, top, bottom);
  copySource(split, right, top, bottom);
  if (isMaskShown) copyMask(split, right, top, bottom);
  else if (isPainted()) {
    layers.forEach(({ painted, mask }, index) => {
      // the lowest layer is everywhere, the others are where their masks are
      if (painted && (mask || index === 0)) mix(painted, index ? mask : null, split, right, top, bottom);
    });
    // the mask of the lowest one is that of all of it: where it is black, the clip is kept
    if (layers[0].mask) mix(source, layers[0].mask, split, right, top, bottom, WHITE);
  }
  context.putImageData(picture, 0, 0, left, top, right - left, bottom - top);
  if (border <= 0 || border >= canvas.width) return;
  context.fillStyle = "rgba(255, 255, 255, 0.9)";
  const line = Math.max(1, Math.round(canvas.width / 480));
  context.fillRect(border - line / 2, 0, line, canvas.height);
}

function copySource(left, right, top, bottom) {
  for (let y = top; y < bottom && right > left; y += 1) {
    const row = y * canvas.width;
    if (source) picture.data.set(source.subarray((row + left) * 4, (row + right) * 4), (row + left) * 4);
  }
}

function copyMask(left, right, top, bottom) {
  const values = layers[shownLayer]?.mask?.values;
  for (let y = top; y < bottom; y += 1) {
    for (let index = y * canvas.width + left; index < y * canvas.width + right; index += 1) {
      picture.data.fill(values ? values[index] : WHITE, index * 4, index * 4 + 3);
    }
  }
}

/** Mixes other bytes over what is in the picture, by a mask; `full` 255 inverts it. */
function mix(bytes, mask, left, right, top, bottom, full = 0) {
  const target = picture.data;  // its bytes are clamped and rounded
  for (let y = top; y < bottom && bytes; y += 1) {
    const row = y * canvas.width;
    if (!mask) {
      target.set(bytes.subarray((row + left) * 4, (row + right) * 4), (row + left) * 4);
      continue;
    }
    for (let pixel = row + left; pixel < row + right; pixel += 1) {
      const share = Math.abs(full - mask.values[pixel]) / WHITE;
      const index = pixel * 4;
      target[index] += share * (bytes[index] - target[index]);
      target[index + 1] += share * (bytes[index + 1] - target[index + 1]);
      target[index + 2] += share * (bytes[index + 2] - target[index + 2]);
    }
  }
}

function at(layer) {
  while (layers.length <= layer) layers.push({ painted: null, mask: null });
  return layers[layer];
}

function isPainted() {
  return layers.some(({ painted }) => painted);
}

/** Makes the canvas `width` × `height` px, which empties it if it had another size. */
export function resize(width, height) {
  if (picture && canvas.width === width && canvas.height === height) return;
  Object.assign(canvas, { width, height });
  Object.assign(scratch.canvas, { width, height });
  canvas.style.setProperty("--ratio", width / height);
  picture = context.createImageData(width, height);
  picture.data.fill(255);
}

function bytes(image) {
  scratch.drawImage(image, 0, 0, canvas.width, canvas.height);
  return scratch.getImageData(0, 0, canvas.width, canvas.height).data;
}

function describe() {
  canvas.setAttribute("aria-label", isPainted() ? "Source frame left, painted frame right of the border"
    : source ? "Source frame" : "No clip yet");
  divider.disabled = !isPainted();
}

divider.addEventListener("input", () => redraw());

/** How much larger than all of it the frame is. */
export function zoom() {
  return Number(canvas.style.getPropertyValue("--zoom") || 1);
}

/** Makes the frame `value` times as large; what was at one point of the window is at another one then. */
export function zoomTo(value, from, to = from) {
  const next = Math.min(Number(slider.max), Math.max(Number(slider.min), value));
  const before = canvas.getBoundingClientRect();
  canvas.style.setProperty("--zoom", next);
  slider.value = next;
  const after = canvas.getBoundingClientRect();
  const share = after.width / before.width;
  stage.scrollBy(after.left + (from[0] - before.left) * share - to[0], after.top + (from[1] - before.top) * share - to[1]);
}

slider.addEventListener("input", () => {
  const box = stage.getBoundingClientRect();
  zoomTo(Number(slider.value), [box.left + box.width / 2, box.top + box.height / 2]);
});
stage.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;  // also two fingers on a touchpad
  event.preventDefault();
  zoomTo(zoom() * (event.deltaY < 0 ? 1.2 : 1 / 1.2), [event.clientX, event.clientY]);
}, { passive: false });
