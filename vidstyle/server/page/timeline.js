// The time line: thumbnails over the length of the clip, and a scrubber.

import { address, ask, loaded } from "./server.js";

const THUMBNAILS = 10;
const strip = document.getElementById("strip");
const marks = document.getElementById("marks");
const cutLines = document.getElementById("cuts");
const slider = document.getElementById("time");
const text = document.getElementById("time-text");
let shown = 0;  // counts clips: thumbnails of an earlier one are not added

/** Calls `listener` with the time in seconds whenever it is changed. */
export function onTime(listener) {
  slider.addEventListener("input", () => {
    describe();
    listener(now());
  });
}

/** The chosen time in seconds. */
export function now() {
  return Number(slider.value);
}

/** Shows the time line of `clip`, at `time` seconds. */
export function showTimeline(clip, time = 0) {
  const step = clip.step ?? 0.04;
  const last = Math.max(0, (clip.duration ?? 0) - step);
  slider.step = step;
  slider.max = last || step;
  slider.value = Math.min(time, last);
  slider.disabled = last === 0;
  describe();
  loadThumbnails(clip, last, ++shown);
  loadCuts(clip, shown);
}

/** Goes to a time in seconds, as if the slider were moved there. */
export function seek(time) {
  slider.value = time;
  slider.dispatchEvent(new Event("input"));
}

/** Where a time is on the line, 0 to 1. */
export function placeOf(time) {
  return Math.min(1, time / Number(slider.max));
}

/** Shows marks at the times of frames whose masks were brushed. */
export function showMarks(times) {
  marks.replaceChildren(...times.map((time) => {
    const mark = document.createElement("button");
    mark.type = "button";
    mark.style.left = `${100 * placeOf(time)}%`;
    mark.setAttribute("aria-label", `Brushed at ${time.toFixed(1)} s`);
    mark.title = `Brushed at ${time.toFixed(1)} s`;
    mark.addEventListener("click", () => seek(time));
    return mark;
  }));
}

function describe() {
  const words = `${clock(now())} of ${clock(Number(slider.max) + Number(slider.step))}`;
  text.value = words;
  slider.setAttribute("aria-valuetext", words);
}

async function loadThumbnails(clip, last, turn) {
  strip.replaceChildren();
  const count = last ? THUMBNAILS : 1;
  for (let index = 0; index < count; index += 1) {
    const image = new Image();
    image.alt = "";
    const time = last * (index + 0.5) / count;
    // one after the other, so that the frame that is looked at need not wait for all of them
    await loaded(address(`api/clips/${clip.id}/frame`, { time, width: 120 }), image);
    if (turn !== shown) return;
    strip.append(image);
  }
}

/** Shows where shots begin, as soon as it is known. */
async function loadCuts(clip, turn) {
  cutLines.replaceChildren();
  for (let isDone = false; !isDone && turn === shown;) {
    const found = await ask(`api/clips/${clip.id}/cuts`).catch(() => ({ cuts: [], is_done: true }));
    if (turn !== shown) return;
    isDone = found.is_done;
    cutLines.title = `Cuts: ${found.cuts.map(clock).join(", ") || "none"}`;
    cutLines.replaceChildren(...found.cuts.map((time) => {
      const line = document.createElement("span");
      line.style.left = `${100 * placeOf(time)}%`;
      return line;
    }));
    if (!isDone) await new Promise((resolve) => { setTimeout(resolve, 1000); });
  }
}

/** Seconds as 1:02.3. */
export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(1).padStart(4, "0");
  return `${minutes}:${rest}`;
}
