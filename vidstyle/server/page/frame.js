// The frame: source and painted picture on one canvas, with a border between them that can be moved.

const canvas = document.getElementById("canvas");
const divider = document.getElementById("divider");
const hint = document.getElementById("stage-hint");
const context = canvas.getContext("2d");
let source = null;
let painted = null;

/** Shows the source frame; a painted one of another frame is taken away. */
export function showSource(image, { keepsPainting = false } = {}) {
  source = image;
  if (!keepsPainting) painted = null;
  draw();
}

/** Shows the painted frame right of the border. */
export function showPainted(image) {
  painted = image;
  draw();
}

/** Shows neither: for a new clip. */
export function clearFrame() {
  source = painted = null;
  draw();
}

/** What stands in the middle of an empty stage. */
export function setHint(text) {
  hint.textContent = text;
  hint.hidden = text === "";
}

function draw() {
  const first = source ?? painted;
  canvas.setAttribute("aria-label", painted ? "Source frame left, painted frame right of the border"
    : source ? "Source frame" : "No clip yet");
  divider.disabled = !painted;
  if (!first) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    return;
  }
  const width = source?.naturalWidth ?? painted.naturalWidth;
  const height = source?.naturalHeight ?? painted.naturalHeight;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.setProperty("--ratio", width / height);
  }
  context.drawImage(first, 0, 0, width, height);
  if (!painted) return;
  const border = Math.round(width * divider.value / 100);
  context.save();
  context.beginPath();
  context.rect(border, 0, width - border, height);
  context.clip();
  context.drawImage(painted, 0, 0, width, height);
  context.restore();
  context.fillStyle = "rgba(255, 255, 255, 0.9)";
  const line = Math.max(1, Math.round(width / 480));
  context.fillRect(border - line / 2, 0, line, height);
}

function follow(event) {
  const box = canvas.getBoundingClientRect();
  divider.value = Math.min(100, Math.max(0, 100 * (event.clientX - box.left) / box.width));
  draw();
}

divider.addEventListener("input", draw);
canvas.addEventListener("pointerdown", (event) => {
  if (!painted) return;
  canvas.setPointerCapture(event.pointerId);
  follow(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (painted && canvas.hasPointerCapture(event.pointerId)) follow(event);
});
