// Layers: each is painted in its own styles where its mask says; the first one is the whole frame.

import { editLayer } from "./brush.js";
import { allowMix, chosen, restore } from "./gallery.js";
import { beginLayer, useLayer } from "./masks.js";
import { ask } from "./server.js";

const MOST = 8;
const list = document.getElementById("layer-list");
const add = document.getElementById("add-layer");
const remove = document.getElementById("remove-layer");
let layers = [[]];  // the styles of each, the lowest first
let current = 0;
let changed = () => {};
let shared = "[]";  // the layers above the lowest one as the server has them, as JSON
let sharing = 0;  // requests that tell it of others
let newest = 0;  // the server's version after the last of them: a message may be older, and come later

/** Calls `listener` whenever a layer is added, removed or chosen. */
export function onLayers(listener) {
  changed = listener;
}

/** How many layers there are. */
export function layerCount() {
  return layers.length;
}

/** Which layer is brushed and given styles. */
export function currentLayer() {
  return current;
}

/** The styles of the lowest layer, and those of the ones above it. */
export function layerStyles() {
  layers[current] = chosen();
  return { styles: layers[0], layers: layers.slice(1).map((styles) => ({ styles })) };
}

/** Sets what `layerStyles` gave; the layers above the lowest one are those that the server has. */
export function restoreLayers({ styles = [], layers: upper = [] }) {
  layers = [styles, ...upper.map((layer) => layer.styles)];
  choose(0);
  shared = asJson();
}

/** Tells the server of the layers that `clip` has, for other tabs. */
export async function shareLayers(clip) {
  const json = asJson();
  if (json === shared) return;
  shared = json;
  sharing += 1;
  const message = { layers: layerStyles().layers };
  noteLayers(await ask(`api/clips/${clip.id}/layers`, { message }).finally(() => { sharing -= 1; }));
}

/** Notes the server's `version` of the layers after a change that this tab has asked for. */
export function noteLayers({ version }) {
  newest = Math.max(newest, version);
}

/** Whether a message of the server is older than what this tab has set, perhaps a moment ago. */
export function isOutdated({ version }) {
  return sharing > 0 || version < newest || asJson() !== shared;
}

/** Takes the layers above the lowest one that another tab has set; false if they are the same. */
export function takeLayers(upper = []) {
  if (JSON.stringify(upper) === asJson()) return false;
  const kept = Math.min(current, upper.length);
  layers = [layerStyles().styles, ...upper.map((layer) => layer.styles)];
  choose(kept);
  shared = asJson();
  return true;
}

function asJson() {
  return JSON.stringify(layerStyles().layers);
}

function choose(index) {
  current = index;
  allowMix(index === 0);  // the layers above have one style each
  restore(layers[index]);
  layers[index] = chosen();
  useLayer(index);
  editLayer(index);
  show();
}

function show() {
  list.replaceChildren(...layers.map((styles, index) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "layer", value: index, checked: index === current });
    input.addEventListener("change", () => {
      layers[current] = chosen();
      choose(index);
      list.querySelector("input:checked").focus();
      changed();
    });
    label.append(input, ` ${index + 1}${index ? "" : ": all of it"}`);
    return label;
  }));
  add.disabled = layers.length >= MOST;
  remove.hidden = current === 0;
}

add.addEventListener("click", () => {
  layers[current] = chosen();
  layers.push(layers[current].slice(0, 1));
  beginLayer(layers.length - 1);
  choose(layers.length - 1);
  document.querySelector("input[name=tool][value=brush]").click();
  const strength = document.getElementById("brush-strength");
  strength.value = 1;  // a new layer is nowhere yet: what is brushed is painted
  strength.dispatchEvent(new Event("input"));
  changed();
});
remove.addEventListener("click", () => {
  layers.splice(current, 1);
  const removed = current;
  choose(removed - 1);
  shared = asJson();  // the server removes it with its masks
  changed(removed);
});
