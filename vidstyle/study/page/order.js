// The order of a person's trials: random, the same whenever it is computed for this person.
"use strict";

/** Numbers in [0, 1) that follow from a text (mulberry32, seeded by FNV-1a). */
function chanceOf(text) {
  let state = 2166136261;
  for (const letter of text) state = Math.imul(state ^ letter.codePointAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

function shuffled(items, chance) {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last--) {
    const other = Math.floor(chance() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
  }
  return mixed;
}

/** Of some random orders the one in which a source follows itself least often. */
function spread(items, sourceOf, chance) {
  let best = null;
  let least = Infinity;
  for (let attempt = 0; attempt < 60 && least > 0; attempt++) {
    const order = shuffled(items, chance);
    const repeats = order.filter((item, place) => place > 0 && sourceOf(item) === sourceOf(order[place - 1])).length;
    if (repeats < least) [best, least] = [order, repeats];
  }
  return best || [];
}

/** `trials` with `checks` among them, one somewhere in each of as many equal stretches; never the first. */
function withChecks(trials, checks, chance) {
  const order = [...trials];
  for (let number = checks.length - 1; number >= 0; number--) {
    const begin = Math.floor((number * trials.length) / checks.length);
    const end = Math.floor(((number + 1) * trials.length) / checks.length);
    order.splice(Math.max(1, begin + Math.floor(chance() * (end - begin + 1))), 0, checks[number]);
  }
  return order;
}

/** All trials of a person: practice, then clips to rate, then pairs, with checks among them. */
function trialsOf(study, person) {
  const chance = chanceOf(`${study.study}/${person}`);
  const clips = new Map(study.clips.map((clip) => [clip.id, clip]));
  const most = study.atMost || Infinity;
  const part = (items, sourceOf) => {
    const few = items.length > most ? shuffled(items, chance).slice(0, most) : items;
    return spread(few, sourceOf, chance);
  };
  const ratings = part(study.ratings, (id) => clips.get(id).source).map((clip) => ({ kind: "rating", role: "counted", clip }));
  const pairs = part(study.pairs, (pair) => clips.get(pair[0]).source).map((pair) => ({ kind: "pair", role: "counted", clips: pair }));
  const checks = shuffled(study.checks, chance).map((check) => ({ ...check, role: "check" }));
  const checksOf = (kind) => checks.filter((check) => check.kind === kind);
  const training = study.training.map((trial) => ({ ...trial, role: "training" }));
  const trials = [
    ...training.filter((trial) => trial.kind === "rating"),
    ...withChecks(ratings, checksOf("rating"), chance),
    ...training.filter((trial) => trial.kind === "pair"),
    ...withChecks(pairs, checksOf("pair"), chance),
  ];
  // the side on which a clip is shown is random too
  return trials.map((trial) => (trial.kind === "pair" && chance() < 0.5 ? { ...trial, clips: [...trial.clips].reverse() } : trial));
}
