// The course of a study: introduction, trials, end; each screen can be left and returned to.
"use strict";

const study = JSON.parse(byId("study-data").textContent);
const record = new AnswerRecord(study);
const trials = trialsOf(study, record.data.person);
let current = null;

function show(id) {
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== id;
  byId("progress").hidden = id !== "trial";
}

function tell(line) {
  byId("notice").textContent = line;
  byId("notice").hidden = !line;
}

function introduce() {
  document.title = study.title;
  byId("title").textContent = study.title;
  const tasks = [];
  if (study.ratings.length) tasks.push("Clips to grade, each from 1 (bad) to 5 (excellent):", ...study.questions.map((question) => question.text));
  if (study.pairs.length) tasks.push("Pairs of clips: choose the one that you prefer.");
  byId("tasks").replaceChildren(...tasks.map((text) => made("li", { textContent: text })));
  if (record.data.answers.length) byId("begin").textContent = "Go on";
  if (study.style) byId("style-picture").src = study.style;
  show("intro");
}

function advance() {
  const done = record.data.answers.length;
  byId("progress").value = done / trials.length;
  if (done >= trials.length) {
    current = null;
    finish();
    return;
  }
  const trial = trials[done];
  show("trial");
  tell(record.isKept ? "" : "This browser keeps nothing: stay on this page to the end.");
  const practice = trial.role === "training" ? ", for practice" : "";
  byId("step").textContent = `${trial.kind === "pair" ? "Pair" : "Clip"} ${done + 1} of ${trials.length}${practice}`;
  byId("style").hidden = !study.style;
  byId("next").disabled = true;
  current = new Trial(study, trial, update);
}

function update() {
  byId("next").disabled = !current.isComplete;
  if (current.failed) tell("This clip cannot be played in this browser. Please go on.");
}

function next() {
  if (!current || !current.isComplete) return;
  record.add(current.answer);
  advance();
}

async function finish() {
  record.finish();
  show("end");
  const save = byId("save");
  save.download = record.fileName;
  save.href = URL.createObjectURL(new Blob([record.text], { type: "application/json" }));
  if (await record.send()) byId("sent").textContent = "Your answers were sent. You may close this page.";
}

function onKey(event) {
  if (!current || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === "Enter") {
    if (document.activeElement === byId("again")) return;
    event.preventDefault();
    next();
  } else if (event.key.toLowerCase() === "r" && !byId("again").disabled) {
    current.play();
  } else if (current.press(event.key)) {
    event.preventDefault();
  }
}

byId("begin").addEventListener("click", advance);
byId("next").addEventListener("click", next);
byId("again").addEventListener("click", () => current && current.play());
byId("anew").addEventListener("click", () => {
  record.forget();
  location.reload();
});
byId("form").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", onKey);
introduce();
