// A mask: how much of each pixel of a frame is painted. Strokes, fill, inversion, undo and redo.

export const WHITE = 255;  // the value of a pixel that is painted wholly
const UNDO_BYTES = 60e6;  // of what undo restores

/** Shares of `width` × `height` pixels, one byte each: 0 is the clip, 255 the painting, as it is without `values`. */
export class Mask {
  /** `wasBrushed` says that it was brushed before, by strokes that cannot be undone. */
  constructor(width, height, values = new Uint8Array(width * height).fill(WHITE), wasBrushed = false) {
    Object.assign(this, { width, height, values, wasBrushed });
    this.undone = [];
    this.done = [];
    this.stroke = null;
  }

  /** Begins a stroke: `size` is its diameter in px, `softness` 0 to 1, `share` 0 to 1. */
  begin({ size, softness, share }) {
    const cover = new Uint8Array(this.values.length);  // how much of each pixel the stroke covers
    const radius = Math.max(0.5, size / 2);
    this.stroke = { before: this.values.slice(), cover, radius, softness, value: Math.round(share * WHITE), area: null };
  }

  /** Continues the stroke from one point to the next; returns the rectangle that has changed. */
  extend([x0, y0], [x1, y1]) {
    const { before, cover, radius, softness, value } = this.stroke;
    const area = this.#within(Math.min(x0, x1) - radius, Math.min(y0, y1) - radius,
      Math.max(x0, x1) + radius, Math.max(y0, y1) + radius);
    const soft = Math.max(1, radius * softness);  // px of the edge; 1 px is only smooth
    const [dx, dy] = [x1 - x0, y1 - y0];
    const squared = dx * dx + dy * dy;
    for (let y = area.top; y < area.bottom; y += 1) {
      for (let x = area.left; x < area.right; x += 1) {
        const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
        const way = squared ? Math.min(1, Math.max(0, (px * dx + py * dy) / squared)) : 0;
        const inside = Math.min(1, (radius - Math.hypot(px - way * dx, py - way * dy)) / soft);
        if (inside <= 0) continue;
        const index = y * this.width + x;
        const covered = Math.round(255 * inside * inside * (3 - 2 * inside));
        if (covered <= cover[index]) continue;
        cover[index] = covered;
        this.values[index] = Math.round(before[index] + (value - before[index]) * covered / 255);
      }
    }
    this.stroke.area = joined(this.stroke.area, area);
    return area;
  }

  /** Ends the stroke, which `undo` takes back as a whole. */
  end() {
    const { before, area } = this.stroke;
    this.stroke = null;
    if (area) this.#remember(area, before);
  }

  /** Ends the stroke as if it had not been begun. */
  cancel() {
    this.values.set(this.stroke.before);
    this.stroke = null;
  }

  /** Gives all pixels one share. */
  fill(share) {
    this.#replace(() => Math.round(share * WHITE));
  }

  /** What is painted becomes the clip, and the clip painted. */
  invert() {
    this.#replace((value) => WHITE - value);
  }

  /** Whether there is a stroke in it that is not undone. */
  get isBrushed() { return this.wasBrushed || this.stroke !== null || this.canUndo; }
  get canUndo() { return this.done.length > 0; }
  get canRedo() { return this.undone.length > 0; }
  undo() { this.#swap(this.done, this.undone); }
  redo() { this.#swap(this.undone, this.done); }

  #replace(change) {
    const before = this.values.slice();
    for (let index = 0; index < before.length; index += 1) this.values[index] = change(before[index]);
    this.#remember({ left: 0, top: 0, right: this.width, bottom: this.height }, before);
  }

  #remember(area, before) {
    this.undone = [];
    this.done.push({ area, values: this.#cut(area, before) });
    let bytes = this.done.reduce((sum, { values }) => sum + values.length, 0);
    while (bytes > UNDO_BYTES) {
      bytes -= this.done.shift().values.length;
      this.wasBrushed = true;
    }
  }

  #swap(from, to) {
    const step = from.pop();
    if (!step) return;
    const { area, values } = step;
    to.push({ area, values: this.#cut(area, this.values) });
    const width = area.right - area.left;
    for (let y = area.top; y < area.bottom; y += 1) {
      const row = (y - area.top) * width;
      this.values.set(values.subarray(row, row + width), y * this.width + area.left);
    }
  }

  #cut({ left, top, right, bottom }, values) {
    const width = right - left;
    const part = new Uint8Array(width * (bottom - top));
    for (let y = top; y < bottom; y += 1) {
      part.set(values.subarray(y * this.width + left, y * this.width + right), (y - top) * width);
    }
    return part;
  }

  #within(left, top, right, bottom) {
    return {
      left: Math.max(0, Math.floor(left)),
      top: Math.max(0, Math.floor(top)),
      right: Math.max(0, Math.min(this.width, Math.ceil(right) + 1)),
      bottom: Math.max(0, Math.min(this.height, Math.ceil(bottom) + 1)),
    };
  }
}

function joined(first, second) {
  if (!first) return second;
  return {
    left: Math.min(first.left, second.left),
    top: Math.min(first.top, second.top),
    right: Math.max(first.right, second.right),
    bottom: Math.max(first.bottom, second.bottom),
  };
}
