// The sound of a stretch that is played, in step with its frames.

let context = null;
let buffer = null;
let source = null;  // what sounds now
let turn = 0;  // counts stretches

/** Loads the sound at `url`; it is silent until `soundFrom` is called. */
export async function loadSound(url) {
  const own = ++turn;
  context ??= new AudioContext();
  const answer = await fetch(url);
  if (answer.status !== 200) return;
  const decoded = await context.decodeAudioData(await answer.arrayBuffer());
  if (own === turn) buffer = decoded;
}

/** Plays from `seconds` on, instead of what sounds now. */
export function soundFrom(seconds) {
  source?.stop();
  source = null;
  if (!buffer || seconds >= buffer.duration) return;
  source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  source.start(0, seconds);
  document.body.dataset.sounds = "1";
}

/** Ends the sound. */
export function endSound() {
  turn += 1;
  source?.stop();
  source = buffer = null;
  document.body.dataset.sounds = "";
}

/** Whether there is sound that nobody hears yet. */
export function canSound() {
  return buffer !== null && source === null;
}
