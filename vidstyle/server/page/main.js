// Connects the parts of the page: clip, frame, time line, styles, options, command and runs.

import { address, ask, loaded, Socket } from "./server.js";
import { limitFiles, onClip, onStyle } from "./files.js";
import { say } from "./notices.js";
import { useProjects } from "./project.js";
import { clearFrame, setHint, showPainted, showSource } from "./frame.js";
import { editor, forgetMasks, showMasks, takeAllMarks, useMasks } from "./masks.js";
import { chooseTool, refreshTools, setStrongest, useEditor } from "./brush.js";
import { onDots, restoreDots, show as showDots, takeChoice, track } from "./dots.js";
import { endCamera, isLive, sendSettings, useCamera } from "./live.js";
import { endPlaying, isPlaying, onPlay, takeFrame } from "./play.js";
import { currentLayer, isOutdated, layerCount, layerStyles, noteLayers, onLayers, restoreLayers, shareLayers, takeLayers } from "./layers.js";
import { now, onTime, showMarks, showTimeline } from "./timeline.js";
import { loadSound } from "./sound.js";
import { addStyle, choose, onStyles, showThumbnail, surprise } from "./gallery.js";
import { makeOptions, onOptions, options, restoreOptions } from "./options.js";
import { showJobs } from "./jobs.js";

const element = (id) => document.getElementById(id);
const memory = "vidstyle";  // what is chosen, kept for a reload of this tab
let clip = null;
let upperLayers = {};  // of each clip: the layers above the lowest one
let number = 0;  // of the newest look at a frame; answers to older ones are not shown
let sourceNumber = 0;
const defaults = {};  // of the options, by name
let socket = null;

const sayOfRun = (line) => say(line, "run");

async function begin() {
  const state = await ask("api/state");
  limitFiles(state.limits);
  state.styles.forEach(addStyle);
  makeOptions(state.options);
  for (const { name, default: value } of state.options) defaults[name] = value;
  const own = sessionStorage.getItem(memory);
  const kept = own ? JSON.parse(own) : state.looked_at;  // a new tab begins where the newest look was
  const first = state.clips.find(({ id }) => id === kept.clip) ?? state.clips.at(-1);
  upperLayers = state.layers;
  restoreLayers({ styles: kept.styles, layers: upperLayers[first?.id] });
  restoreOptions(kept.options ?? {});
  setStrongest(options().strength ?? 1);
  restoreDots(kept.track ?? []);
  element("results").textContent = `Results go to ${state.results}`;
  socket = new Socket(receive, (isOpen) => {
    say(isOpen ? "" : "The connection to vidstyle is lost; it is tried again.", "connection");
  });
  showJobs(state.jobs, sayOfRun);
  if (first) useClip(first, first.id === kept.clip ? kept.time : 0);
}

function useClip(next, time = 0) {
  endCamera();
  clip = next;
  takeLayers(upperLayers[clip.id]);  // a new clip has only one
  element("clip-name").textContent = `${clip.name}, ${clip.width} × ${clip.height}`;
  for (const id of ["run", "play", "save-project"]) element(id).disabled = false;
  clearFrame(layerCount());
  useMasks(clip, (line) => say(line, "mask"));
  setHint("");
  showTimeline(clip, time);
  showDots();
  takeMarks();
  showTime();
}

/** Shows the source frame at the chosen time, and asks for its painting. */
async function showTime() {
  const turn = ++sourceNumber;
  lookAgain();
  const image = await loaded(address(`api/clips/${clip.id}/frame`, { time: now(), width: 1280 }));
  if (turn !== sourceNumber || !image) return;
  showSource(image, { keepsPainting: paintedNumber === number });
  refreshTools();
  showMasks(now(), layerCount()).catch(() => {});
}

let paintedNumber = 0;
const fine = new Set();  // the layers that are painted at full size

function lookAgain() {
  if (isLive()) {
    sendSettings();
    return;
  }
  if (!clip) return;
  endPlaying({ isQuiet: true });
  takeMarks();  // those that came while a stretch was played
  shareLayers(clip).catch((error) => say(error.message, "look"));
  sessionStorage.setItem(memory, JSON.stringify({ clip: clip.id, time: now(), ...settings() }));
  outdate();
  element("status").textContent = "Painting…";
  socket.send({ number, clip: clip.id, time: now(), settings: settings() });
}

/** Shows what has changed of the layers: one was added, chosen or, if its number is given, removed. */
async function changeLayers(removed) {
  if (removed !== undefined && clip) {
    noteLayers(await ask(`api/clips/${clip.id}/remove-layer`, { values: { layer: removed }, message: {} }));
    forgetMasks();
    clearFrame(layerCount());
    showTime();
  } else {
    lookAgain();
    showMasks(now(), layerCount()).catch(() => {});
  }
  takeMarks();
}

/** Shows no answer any more to what was asked before. */
function outdate() {
  number += 1;
  document.body.dataset.painted = "";
}

/** All that is set on the page. */
function settings() {
  return { ...layerStyles(), options: options(), track: track() };
}

onPlay(() => {
  number += 1;
  socket.send({ kind: "play", number, clip: clip.id, time: now(), settings: settings() });
  loadSound(address(`api/clips/${clip.id}/sound`, { time: now() })).catch(() => {});
}, lookAgain);

async function receive(message) {
  if (message.kind === "jobs") {
    showJobs(message.jobs, sayOfRun);
    return;
  }
  if (message.kind === "masks") {
    marks = message.clips;
    takeAllMarks(marks[clip?.id]?.marks ?? []);
    takeMarks();
    return;
  }
  if (message.kind === "layers") {
    message.styles.forEach(addStyle);
    if (isOutdated(message)) return;
    upperLayers = message.clips;
    if (clip && takeLayers(upperLayers[clip.id])) {
      forgetMasks();
      clearFrame(layerCount());
      showTime();
    }
    return;
  }
  if (message.number !== number) return;
  if (message.kind === "error") {
    element("status").textContent = "";
    say(message.message, "look");
  } else if (message.kind === "frame" || message.kind === "played") {
    takeFrame(message);
  } else if (message.kind === "command") {
    say("", "look");
    showCommand(message);
  } else if (message.kind === "thumbnail" && !message.picture) {
    showThumbnail(message.style, null);
  } else {
    const image = await loaded(address(`api/pictures/${message.picture}`));
    if (message.number !== number || !image) return;
    if (message.kind === "thumbnail") {
      showThumbnail(message.style, image.src);
      return;
    }
    const { stage, layer } = message;
    if (paintedNumber !== number) fine.clear();
    if (stage === "draft" && fine.has(layer)) return;  // the full one came in before it
    if (stage === "full") fine.add(layer);
    paintedNumber = number;
    showPainted(image, layer);
    const isDone = fine.size === layerCount();
    element("status").textContent = isDone ? "" : "Painting… (draft shown)";
    document.body.dataset.painted = isDone ? "full" : "draft";
  }
}

let marks = {};  // of each clip: which frames were brushed, and a version that changes with their masks
let marked = "";
let brushedLayers = 0;

/** Shows which frames were brushed, and the frame's mask if it has been carried to it meanwhile. */
function takeMarks() {
  const { marks: own = [], version = "" } = marks[clip?.id] ?? {};
  showMarks([...new Set(own.filter(({ layer }) => layer === currentLayer()).map(({ time }) => time))]);
  element("save-mask").href = address(`api/clips/${clip?.id}/mask-clip`, { layer: currentLayer() });
  element("save-mask").hidden = !own.some(({ layer }) => layer === currentLayer());
  if (clip && version !== marked && !isLive() && !isPlaying()) {
    marked = version;
    showMasks(now(), layerCount()).catch(() => {});
  }
  const count = new Set(own.map(({ layer }) => layer)).size;
  if (count !== brushedLayers) soon();  // the command has one more mask
  brushedLayers = count;
}

function showCommand({ command, needs, files }) {
  for (const link of element("made-files").children) URL.revokeObjectURL(link.href);
  element("made-files").replaceChildren(...Object.entries(files).map(([name, text]) => {
    const link = document.createElement("a");
    link.className = "button";
    link.textContent = `Save ${name}`;
    link.download = name;
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    return link;
  }));
  element("command-box").hidden = false;
  element("command").textContent = command;
  element("needs").textContent = needs.length ? `Run it where these are: ${needs.join(", ")}` : "";
}

onClip(useClip);
onStyle((style) => {
  addStyle(style);
  choose(style.id);
});
element("run").addEventListener("click", async () => {
  try {
    await ask("api/jobs", { message: { clip: clip.id, settings: settings() } });
    sayOfRun("");
  } catch (error) {
    sayOfRun(error.message);
  }
});
element("copy").addEventListener("click", async () => {
  const text = element("command").textContent;
  try {
    await navigator.clipboard.writeText(text);
    element("copy").textContent = "Copied";
  } catch {  // not allowed: it is marked, so that the keyboard copies it
    getSelection().selectAllChildren(element("command"));
  }
  setTimeout(() => { element("copy").textContent = "Copy"; }, 1500);
});
let waiting = 0;
const soon = () => {  // a slider that is dragged sends some tens of events a second
  clearTimeout(waiting);
  outdate();
  waiting = setTimeout(lookAgain, 60);
};
onTime(() => {
  clearTimeout(waiting);
  outdate();
  waiting = setTimeout(showTime, 40);
});
onStyles(() => {
  takeChoice();
  soon();
});
onDots(soon);
element("surprise").addEventListener("click", surprise);
onOptions(() => {
  setStrongest(options().strength ?? 1);
  soon();
});
onLayers(changeLayers);

useCamera({
  settings,
  say: (line) => say(line, "camera"),
  begin() {
    endPlaying({ isQuiet: true });
    number += 1;  // answers to looks are not shown meanwhile
    sourceNumber += 1;
    clearFrame();
    setHint("");
    chooseTool("compare");
    document.body.classList.add("live");
  },
  end() {
    clearFrame(layerCount());
    document.body.classList.remove("live");
    if (clip) showTime();
    else setHint("Drop a clip here, or choose one.");
  },
});
useProjects({
  clip: () => clip,
  settings,
  opened(next, styles) {
    styles.forEach(addStyle);
    restoreLayers(next);
    restoreOptions({ ...defaults, ...next.options });
    setStrongest(options().strength ?? 1);
    restoreDots(next.track ?? []);
    forgetMasks();
    clearFrame(layerCount());
    showTime();
  },
});
useEditor(editor);
begin().catch((error) => say(error.message, "connection"));
