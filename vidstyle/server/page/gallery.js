// The gallery of styles: one is chosen, or several are mixed by weights.

import { address } from "./server.js";

const gallery = document.getElementById("gallery");
const mix = document.getElementById("mix");
const weightBox = document.getElementById("weights");
const styles = new Map();  // id -> {id, name, input, image, weight}
let changed = () => {};

/** Calls `listener` whenever the choice changes. */
export function onStyles(listener) {
  changed = listener;
}

/** Adds a style to the gallery. */
export function addStyle(style) {
  if (styles.has(style.id)) return;
  const label = document.createElement("label");
  label.className = "style";
  const image = new Image();
  image.alt = "";
  image.src = address(`api/styles/${style.id}/picture`);
  const input = document.createElement("input");
  input.type = "checkbox";
  input.value = style.id;
  const name = document.createElement("span");
  name.textContent = style.name;
  label.title = style.name;
  label.append(input, image, name);
  gallery.append(label);
  styles.set(style.id, { ...style, input, image, weight: 1 });
  input.addEventListener("change", () => choose(style.id, input.checked));
}

/** Chooses one style, or adds it to the mixture. */
export function choose(id, isOn = true) {
  const style = styles.get(id);
  if (!style) return;
  style.input.checked = isOn || !mix.checked;  // one is always chosen
  if (!mix.checked) {
    for (const other of styles.values()) other.input.checked = other.id === id;
  } else if (!chosen().length) {
    style.input.checked = true;
  }
  showWeights();
  changed();
}

/** The chosen styles, `[{id, weight}]`. */
export function chosen() {
  const all = [...styles.values()].filter((style) => style.input.checked);
  return all.map(({ id, weight }) => ({ id, weight: mix.checked ? weight : 1 }));
}

/** Chooses `list`, as `chosen` gave it; styles that are not there are left out. */
export function restore(list) {
  const known = list.filter(({ id }) => styles.has(id));
  mix.checked = known.length > 1;
  for (const style of styles.values()) style.input.checked = false;
  for (const { id, weight } of known) Object.assign(styles.get(id), { weight }).input.checked = true;
  if (!known.length && styles.size) styles.values().next().value.input.checked = true;
  showWeights();
}

/** Chooses one or two styles by chance, other ones than now. */
export function surprise() {
  const others = [...styles.keys()].filter((id) => !styles.get(id).input.checked);
  const first = others.splice(Math.floor(Math.random() * others.length), 1);
  const mixes = !document.getElementById("mix-label").hidden && Math.random() < 0.5;
  const second = mixes ? others.splice(Math.floor(Math.random() * others.length), 1) : [];
  const list = [...first, ...second].map((id) => ({ id, weight: Math.ceil(Math.random() * 30) / 10 }));
  if (!list.length) return;
  restore(list);
  changed();
}

/** Lets several styles be mixed, or only one be chosen. */
export function allowMix(isAllowed) {
  document.getElementById("mix-label").hidden = !isAllowed;
}

/** Shows a style as it paints the frame that is looked at; without a `url`, its picture. */
export function showThumbnail(id, url) {
  const style = styles.get(id);
  if (style) style.image.src = url ?? address(`api/styles/${id}/picture`);
}

function showWeights() {
  const several = mix.checked ? [...styles.values()].filter((style) => style.input.checked) : [];
  weightBox.hidden = several.length < 2;
  weightBox.replaceChildren(weightBox.querySelector("legend"));
  for (const style of several) {
    const row = document.createElement("label");
    row.className = "weight";
    const name = document.createElement("span");
    name.textContent = style.name;
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: 4, step: 0.1, value: style.weight });
    const value = document.createElement("output");
    value.textContent = style.weight;
    slider.addEventListener("input", () => {
      style.weight = Number(slider.value);
      value.textContent = slider.value;
      changed();
    });
    row.append(name, slider, value);
    weightBox.append(row);
  }
}

mix.addEventListener("change", () => {
  const all = chosen();
  if (!mix.checked && all.length > 1) choose(all[0].id);
  showWeights();
  changed();
});
