// The form of options, made from what the server says of each: kind, range, choices and a sentence.

const form = document.getElementById("options");
const controls = new Map();  // name -> {option, read, write}
let changed = () => {};

/** Calls `listener` whenever an option changes. */
export function onOptions(listener) {
  changed = listener;
}

/** Makes the form. */
export function makeOptions(options) {
  for (const option of options) form.append(control(option));
}

/** The options that differ from their defaults, by name. */
export function options() {
  const values = {};
  for (const [name, { option, read }] of controls) {
    const value = read();
    if (value !== null && value !== option.default) values[name] = value;
  }
  return values;
}

/** Sets options, as `options` gave them. */
export function restoreOptions(values) {
  for (const [name, value] of Object.entries(values)) controls.get(name)?.write(value);
}

function control(option) {
  const box = document.createElement("div");
  box.className = "option";
  const label = document.createElement("label");
  label.htmlFor = `option-${option.name}`;
  const help = document.createElement("p");
  help.className = "small";
  help.id = `help-${option.name}`;
  help.textContent = sentence(option.help);
  const make = { range, choice, switch: toggle, number }[option.kind];
  const { input, read, write } = make(option, label, help);
  input.id = label.htmlFor;
  input.setAttribute("aria-describedby", help.id);
  controls.set(option.name, { option, read, write });
  if (option.kind === "switch") box.append(label, help);
  else box.append(label, input, help);
  return box;
}

function range(option, label) {
  const value = document.createElement("output");
  const input = document.createElement("input");
  Object.assign(input, { type: "range", min: option.low, max: option.high, step: 0.05 });
  const show = () => { value.textContent = Number(input.value).toFixed(2); };
  const write = (number) => { input.value = number; show(); };
  input.addEventListener("input", () => { show(); changed(); });
  label.append(option.title, value);
  write(option.default);
  return { input, read: () => Number(input.value), write };
}

function choice(option, label, help) {
  const input = document.createElement("select");
  if (option.default === null) input.append(new Option("by quality", ""));
  for (const { name } of option.choices) input.append(new Option(name, name));
  const about = new Map(option.choices.map((each) => [each.name, each.about]));
  const show = () => { help.textContent = sentence(about.get(input.value) || option.help); };
  input.addEventListener("change", () => { show(); changed(); });
  label.append(option.title);
  const write = (name) => { input.value = name ?? ""; show(); };
  write(option.default);
  return { input, read: () => input.value || null, write };
}

function toggle(option, label) {
  const input = document.createElement("input");
  input.type = "checkbox";
  label.className = "check";
  label.append(input, option.title);
  input.addEventListener("change", () => changed());
  return { input, read: () => input.checked, write: (value) => { input.checked = value; } };
}

function number(option, label) {
  const input = document.createElement("input");
  Object.assign(input, { type: "text", inputMode: "numeric", placeholder: "by quality", autocomplete: "off" });
  input.addEventListener("change", () => changed());
  label.append(option.title);
  return { input, read: () => input.value.trim() || null, write: (value) => { input.value = value; } };
}

function sentence(text) {
  return text ? `${text[0].toUpperCase()}${text.slice(1)}.` : "";
}

form.addEventListener("submit", (event) => event.preventDefault());
