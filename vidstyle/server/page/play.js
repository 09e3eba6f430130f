// Plays a painted stretch of the clip: its frames come in while they are painted, coarse ones first.

import { canvas, drawOver, redraw } from "./frame.js";
import { canSound, endSound, soundFrom } from "./sound.js";

const button = document.getElementById("play");
let frames = [];  // {blob, stage, time, duration}, by index
let isComplete = false;  // whether all frames are there, coarse or fine
let begun = 0;  // ms: when the frame at time 0 was drawn
let turn = 0;  // counts stretches
let start = () => {};
let stop = () => {};

/** Calls `onStart` when a stretch is to be painted, and `onStop` when the still frame is to be shown again. */
export function onPlay(onStart, onStop) {
  [start, stop] = [onStart, onStop];
}

/** Whether a stretch is shown instead of the still frame. */
export function isPlaying() {
  return button.dataset.plays === "1";
}

/** Takes a painted frame, or the word that all are painted. */
export function takeFrame(message) {
  if (message.kind === "played") {
    say("");
    return;
  }
  const { index, stage } = message;
  if (stage === "full" && index === 0) isComplete = true;
  frames[index] = message;
  if (frames.length === 1) begun = performance.now();
  const word = stage === "half" ? "coarse" : "fine";
  say(`Painting the stretch: ${word}, frame ${index + 1}${isComplete ? ` of ${frames.length}` : ""}…`);
}

/** Shows the still frame again; `isQuiet` if something else is about to be shown. */
export function endPlaying({ isQuiet = false } = {}) {
  if (!isPlaying()) return;
  turn += 1;
  frames = [];
  endSound();
  button.dataset.plays = "";
  button.textContent = "Play 3 s painted";
  document.body.dataset.played = "";
  say("");
  redraw();
  if (!isQuiet) stop();
}

function begin() {
  turn += 1;
  frames = [];
  isComplete = false;
  button.dataset.plays = "1";
  button.textContent = "Stop playing";
  start();
  say("Painting the stretch…");
  show(turn, null);
}

/** Draws the frame that is due, again and again; `last` is the one that was drawn before. */
async function show(own, last) {
  await new Promise(requestAnimationFrame);
  if (own !== turn) return;
  let next = last;
  if (frames.length) {
    const end = frames.at(-1).time + frames.at(-1).duration;
    let time = (performance.now() - begun) / 1000;
    if (time >= end && isComplete) {
      begun = performance.now();
      soundFrom(0);
    } else if (time >= end) {
      begun = performance.now() - end * 1000;  // waits for frames to come
    }
    time = (performance.now() - begun) / 1000;
    if (isComplete && canSound()) soundFrom(time);  // before, it would be torn
    next = Math.max(0, frames.findLastIndex((frame) => frame && frame.time <= time));
    const frame = frames[next];
    if (frame && frame !== last) {
      const image = await createImageBitmap(frame.blob);
      if (own !== turn) return;
      drawOver(image);
      image.close();
      document.body.dataset.played = frame.stage;
    }
    next = frame;
  }
  show(own, next);
}

function say(text) {
  document.getElementById("status").textContent = text;
}

button.addEventListener("click", () => {
  if (isPlaying()) endPlaying();
  else begin();
});
canvas.addEventListener("pointerdown", () => endPlaying());
