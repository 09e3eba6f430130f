// Files that are dropped, pasted or chosen: clips and style pictures, sent to the server.

import { say } from "./notices.js";
import { upload } from "./server.js";

const bar = document.getElementById("upload");
let limits = {};
let useClip = () => {};
let useStyle = () => {};

/** Sets how many bytes a clip may have at most: `{clip}`. */
export function limitFiles(next) {
  limits = next;
}

/** Calls `listener` with each clip that the server has taken. */
export function onClip(listener) {
  useClip = listener;
}

/** Calls `listener` with each style that the server has taken. */
export function onStyle(listener) {
  useStyle = listener;
}

async function takeClip(file) {
  if (file.size > limits.clip) {
    const size = Math.round(limits.clip / 1e6).toLocaleString("en");
    say(`${file.name} is larger than ${size} MB, the most that can be dropped; start with it: vidstyle page FILE`, "file");
    return;
  }
  say("", "file");
  bar.hidden = false;
  try {
    useClip(await upload("api/clips", file, file.name, (share) => { bar.value = share; }));
  } catch (error) {
    say(error.message, "file");
  }
  bar.hidden = true;
}

async function takeStyle(file, name = file.name) {
  say("", "file");
  try {
    useStyle(await upload("api/styles", file, name));
  } catch (error) {
    say(error.message, "file");
  }
}

function takeFiles(files, isOnGallery) {
  for (const file of files) {
    // an animated picture may be a clip: on the gallery it is a style, elsewhere a clip
    const isStyle = file.type.startsWith("image/") && (isOnGallery || !/gif|apng|webp/.test(file.type));
    if (isStyle) takeStyle(file);
    else takeClip(file);
  }
}

let pasted = 0;
document.addEventListener("paste", (event) => {
  for (const file of event.clipboardData?.files ?? []) {
    if (file.type.startsWith("image/")) takeStyle(file, `pasted-${++pasted}.${file.type.split("/")[1]}`);
  }
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  takeFiles(event.dataTransfer.files, Boolean(event.target.closest?.("#choices")));
});
for (const [id, take] of [["clip-file", takeClip], ["style-file", takeStyle]]) {
  document.getElementById(id).addEventListener("change", async (event) => {
    for (const file of event.target.files) await take(file);
    event.target.value = "";
  });
}
