// The masks of the clip's frames: brushed ones are sent while they change, carried ones are fetched.

import { address } from "./server.js";
import { frameSize, setMask } from "./frame.js";
import { Mask } from "./mask.js";
import { refreshTools } from "./brush.js";

const TAB = Math.random().toString(36).slice(2);  // by which other tabs know that a mask is of this one
const SAME = 0.0015;  // s: a mark is up to 1 ms before the time that the page has sent
let clip = null;
let time = 0;  // s, of the frame that is shown
let layer = 0;  // that is brushed
let shown = new Map();  // layer -> the mask of the frame, brushed or carried
let marks = [];  // {layer, time, tab}: what all tabs have brushed
let onError = () => {};
const known = new Set();  // the layers whose mask of the frame is known, or that there is none
const brushed = new Map();  // "layer time" -> Mask: brushed in this tab, with what undo needs
const unsent = new Map();  // the same key -> {layer, time, mask}: only the newest state of each counts
let sending = null;  // the key of what is on its way

/** Begins with the masks of another clip; `say` is called with a line if one cannot be sent. */
export function useMasks(next, say) {
  clip = next;
  onError = say;
  time = -1;
  shown = new Map();
  known.clear();
  marks = [];
  brushed.clear();
  unsent.clear();
}

/** Takes the marks of all tabs: a mask that another one has changed since is fetched when it is shown next. */
export function takeAllMarks(next) {
  marks = next;
  for (const [name, mask] of brushed) {
    if (mask.stroke || unsent.has(name) || sending === name) continue;  // this tab changes it now
    const [own, seconds] = name.split(" ").map(Number);
    const mark = marks.find((each) => each.layer === own && Math.abs(each.time - seconds) < SAME);
    if (mark ? mark.tab !== TAB : mask.isBrushed) brushed.delete(name);
  }
}

/** Shows the masks of the frame at `seconds`, one of each of `count` layers. */
export async function showMasks(seconds, count = 1) {
  if (seconds !== time) {
    for (let each = 0; each < count; each += 1) setMask(null, each);
    shown = new Map();
    known.clear();
    refreshTools();
  }
  time = seconds;
  for (let each = 0; each < count; each += 1) {
    const isKnown = isNewest(each);
    const fetched = isKnown ? null : await fetchMask(each, seconds);
    if (seconds !== time) return;
    known.add(each);
    if (shown.get(each)?.stroke) continue;
    const own = brushed.get(key(each));
    // of one whose strokes are all undone: they may be done again on what is carried there
    if (own && !isKnown && !isNewest(each)) own.values.set(fetched?.values ?? emptyMask(each).values);
    if (own ?? fetched) use(each, own ?? fetched);
    else if (!marks.some((mark) => mark.layer === each)) use(each, null);  // another tab has taken all back
  }
  refreshTools();
}

/** Forgets what was brushed in this tab: another tab has brushed, or a project was opened. */
export function forgetMasks() {
  brushed.clear();
  shown = new Map();
  known.clear();
  time = -1;
}

/** What the brush edits: the mask of the frame and layer that are shown. */
export const editor = {
  /** Whether it can be brushed: before, a stroke would replace what is being fetched. */
  isReady() { return known.has(layer); },
  /** The mask; if there is none it is made if `isEdited`. One that is edited counts as brushed. */
  mask(isEdited) {
    let mask = shown.get(layer);
    if (isEdited) {
      if (!mask) {
        mask = emptyMask(layer);
        use(layer, mask);
      }
      brushed.set(key(layer), mask);
    }
    return mask ?? null;
  },
  /** Sends the mask, which has changed; `isOver` says that the stroke has ended. */
  changed(isOver) {
    unsent.set(key(layer), { layer, time, mask: shown.get(layer), isOver });
    if (sending === null) send();
  },
};

/** Lets a layer be brushed that has just been added: there are no masks of it to be fetched. */
export function beginLayer(index) {
  known.add(index);
}

/** Lets the brush edit another layer. */
export function useLayer(index) {
  layer = index;
  refreshTools();
}

function use(index, mask) {
  if (mask) shown.set(index, mask);
  else shown.delete(index);
  setMask(mask, index);
}

function key(index) {
  return `${index} ${time}`;
}

/** Whether this tab knows better than the server what is brushed on the frame. */
function isNewest(index) {
  const name = key(index);
  return brushed.get(name)?.isBrushed || unsent.has(name) || sending === name;
}

/** That of a frame on which nothing is brushed: the lowest layer is everywhere, the others nowhere. */
function emptyMask(index) {
  const { width, height } = frameSize();
  return new Mask(width, height, index > 0 ? new Uint8Array(width * height) : undefined);
}

async function send() {
  while (unsent.size) {  // one after the other: what has changed meanwhile is sent in its newest state
    const [name, next] = unsent.entries().next().value;
    unsent.delete(name);
    sending = name;
    const { mask, isOver } = next;
    const values = { layer: next.layer, time: next.time, over: isOver ? 1 : 0, tab: TAB, width: mask.width, height: mask.height };
    try {
      // without a stroke the frame is as if nothing had been brushed on it
      const request = mask.isBrushed ? { method: "POST", body: await packed(mask.values) } : { method: "DELETE" };
      const answer = await fetch(address(`api/clips/${clip.id}/mask`, values), request);
      onError(answer.ok ? "" : (await answer.json()).error);
    } catch {
      onError("The mask could not be sent to vidstyle.");
    }
  }
  sending = null;
}

/** The mask of the frame at `seconds` as the server has it, brushed or carried; null if there is none yet. */
async function fetchMask(index, seconds) {
  const answer = await fetch(address(`api/clips/${clip.id}/mask`, { layer: index, time: seconds }));
  if (answer.status !== 200) return null;
  const values = new Uint8Array(await new Response(through(answer.body, new DecompressionStream("deflate"))).arrayBuffer());
  const [width, height] = answer.headers.get("x-size").split("x").map(Number);
  return new Mask(width, height, values, answer.headers.has("x-brushed"));
}

function packed(values) {
  return new Response(through(new Blob([values]).stream(), new CompressionStream("deflate"))).blob();
}

function through(stream, change) {
  return stream.pipeThrough(change);
}
