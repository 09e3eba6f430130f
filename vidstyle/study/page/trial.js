// One trial: clips are played to the end, then answers can be given.
"use strict";

const byId = (id) => document.getElementById(id);

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

class Trial {
  /** Show `trial` of `study`; `onReady` is called when the answers change. */
  constructor(study, trial, onReady) {
    this.trial = trial;
    this.onReady = onReady;
    this.begun = performance.now();
    this.plays = 0;
    this.failed = false;
    this.chosen = null;
    const clips = new Map(study.clips.map((clip) => [clip.id, clip]));
    this.clips = (trial.kind === "pair" ? trial.clips : [trial.clip]).map((id) => clips.get(id));
    this.videos = this.clips.map((clip) => this.video(clip));
    byId("stage").classList.toggle("wide", this.clips[0].width > this.clips[0].height);
    const names = trial.kind === "pair" ? ["Left", "Right"] : [""];
    byId("videos").replaceChildren(
      ...this.videos.map((video, place) => made("figure", {}, video, made("figcaption", { textContent: names[place] }))),
    );
    this.form = byId("form");
    this.form.replaceChildren(...(trial.kind === "pair" ? [this.choice()] : study.questions.map((question) => this.scale(study, question))));
    this.enable(false);
    this.play();
  }

  video(clip) {
    const video = made("video", { muted: true, playsInline: true, preload: "auto", width: clip.width, height: clip.height });
    video.style.maxWidth = `min(100%, ${(62 * clip.width) / clip.height}vh)`; // so that it is at most 62vh high
    video.disablePictureInPicture = true;
    video.addEventListener("ended", () => this.ended());
    video.addEventListener("error", () => this.fail());
    video.src = clip.file;
    return video;
  }

  scale(study, question) {
    const grades = study.labels.map((label, index) => {
      const input = made("input", { type: "radio", name: question.name, value: String(index + 1) });
      input.addEventListener("change", () => this.onReady());
      return made("label", {}, input, made("span", { textContent: `${index + 1}` }), ` ${label}`);
    });
    return made("fieldset", {}, made("legend", { textContent: question.text }), made("div", { className: "scale" }, ...grades));
  }

  choice() {
    const sides = ["left", "right"].map((side) => {
      const input = made("input", { type: "radio", name: "choice", value: side });
      input.addEventListener("change", () => this.onReady());
      return made("label", {}, input, side === "left" ? "← Left" : "Right →");
    });
    const text = "Which do you prefer, as a painting in motion?";
    return made("fieldset", { className: "choice" }, made("legend", { textContent: text }), made("div", { className: "scale" }, ...sides));
  }

  play() {
    byId("again").disabled = true;
    for (const video of this.videos) video.currentTime = 0;
    for (const video of this.videos) video.play().catch(() => {}); // the event "error" tells what cannot be played
  }

  ended() {
    if (this.failed || !this.videos.every((video) => video.ended)) return;
    this.plays += 1;
    byId("again").disabled = false;
    this.enable(true);
  }

  fail() {
    this.failed = true;
    this.onReady();
  }

  enable(isOn) {
    for (const input of this.form.querySelectorAll("input")) input.disabled = !isOn;
  }

  /** Answer by key: a grade for the question in focus or the first without one, or a side. */
  press(key) {
    const isPair = this.trial.kind === "pair";
    const value = isPair ? { ArrowLeft: "left", ArrowRight: "right", 1: "left", 2: "right" }[key] : key;
    const sets = [...this.form.querySelectorAll("fieldset")];
    const open = sets.find((set) => !set.querySelector(":checked"));
    const focused = sets.find((set) => set.contains(document.activeElement));
    const input = [...((focused || open || sets[sets.length - 1]).querySelectorAll("input"))].find((each) => each.value === value);
    if (!input || input.disabled) return false;
    input.checked = true;
    document.activeElement.blur();
    this.onReady();
    return true;
  }

  get isComplete() {
    return this.failed || [...this.form.querySelectorAll("fieldset")].every((set) => set.querySelector(":checked"));
  }

  /** What was answered, as it is written. */
  get answer() {
    const { kind, role, expected } = this.trial;
    const answer = { kind, role, plays: this.plays, seconds: Math.round(performance.now() - this.begun) / 1000 };
    if (expected !== undefined) answer.expected = expected;
    if (this.failed) answer.failed = true;
    const value = (name) => (this.form.querySelector(`[name=${name}]:checked`) || { value: null }).value;
    if (kind === "pair") {
      const [left, right] = this.clips;
      return { ...answer, source: left.source, left: left.condition, right: right.condition, chosen: value("choice") };
    }
    const [clip] = this.clips;
    const names = [...new Set([...this.form.querySelectorAll("input")].map((input) => input.name))];
    const grades = this.failed ? {} : Object.fromEntries(names.map((name) => [name, Number(value(name))]));
    return { ...answer, source: clip.source, condition: clip.condition, grades };
  }
}
