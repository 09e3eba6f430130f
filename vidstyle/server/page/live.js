// The camera: its newest frame goes to the server, and the painted one is drawn when it comes back.

import { drawOver, resize } from "./frame.js";
import { address } from "./server.js";

const button = document.getElementById("camera");
const status = document.getElementById("status");
const IN_FLIGHT = 2;  // frames on their way: one is painted while the next one is sent
let video = null;  // plays the camera while it is used
let socket = null;
let flying = 0;
let times = [];  // ms, of the last painted frames
let hasFailed = false;  // whether nothing can be painted with what is set

const capture = document.createElement("canvas").getContext("2d");
let hooks = {};

/** `begin` and `end` are called when the camera begins and ends, `settings()` gives what is set. */
export function useCamera(next) {
  hooks = next;
}

/** Whether the camera is shown. */
export function isLive() {
  return video !== null;
}

/** Paints with what is set now. */
export function sendSettings() {
  flying = 0;
  hasFailed = false;
  times = [];
  status.textContent = "Loads the engine…";
  if (socket?.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify(hooks.settings()));
    sendFrame();
  }
}

/** Shows the clip again. */
export function endCamera() {
  if (!video) return;
  video.srcObject.getTracks().forEach((track) => track.stop());
  video = null;
  socket?.close();
  socket = null;
  button.textContent = "Use the camera";
  status.textContent = "";
  hooks.end();
}

async function begin() {
  button.disabled = true;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 }, audio: false });
    video = document.createElement("video");
    Object.assign(video, { muted: true, playsInline: true, srcObject: stream });
    await video.play();
    button.textContent = "Stop the camera";
    hooks.begin();
    resize(video.videoWidth, video.videoHeight);
    open();
  } catch (error) {
    hooks.say(`The camera cannot be used: ${error.message}`);
  }
  button.disabled = false;
}

function open() {
  const url = new URL(address("api/live"), location.href);
  url.protocol = "ws:";
  socket = new WebSocket(url);
  socket.binaryType = "blob";
  socket.onopen = sendSettings;
  socket.onmessage = async (event) => {
    if (typeof event.data === "string") {
      const message = JSON.parse(event.data);
      if (message.kind === "dropped") {
        flying = Math.max(0, flying - 1);
        sendFrame();
      } else {
        hasFailed = true;  // nothing is sent until something else is set
        hooks.say(message.message);
      }
      return;
    }
    flying = Math.max(0, flying - 1);
    sendFrame();
    const image = await createImageBitmap(event.data);
    if (!video) return;
    hooks.say("");
    drawOver(image);
    image.close();
    report();
  };
  socket.onclose = () => { if (video) endCamera(); };
}

/** Sends what the camera shows now, until enough frames are on their way. */
function sendFrame() {
  if (!video || hasFailed || flying >= IN_FLIGHT) return;
  flying += 1;
  Object.assign(capture.canvas, { width: video.videoWidth, height: video.videoHeight });
  capture.drawImage(video, 0, 0);
  capture.canvas.toBlob((blob) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(blob);
    sendFrame();
  }, "image/jpeg", 0.85);
}

function report() {
  times = [...times.slice(-20), performance.now()];
  const rate = 1000 * (times.length - 1) / (times.at(-1) - times[0]);
  if (times.length > 1) status.textContent = `Camera: ${rate.toFixed(1)} frames a second`;
}

button.addEventListener("click", () => {
  if (video) endCamera();
  else begin();
});
