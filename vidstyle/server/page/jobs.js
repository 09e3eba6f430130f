// The list of runs: progress, the newest frame, stop; the result with sound, and download.

import { address, ask } from "./server.js";
import { clock } from "./timeline.js";

const COPYING = " This browser cannot play it: a copy that it can play is made…";
const COPIED = " A copy for this browser is shown; the download is the result itself.";
const UNPLAYABLE = " This browser cannot play it; download it.";
const section = document.getElementById("jobs");
const list = document.getElementById("job-list");
const rows = new Map();  // id -> the parts of its row

/** Shows `jobs` as the server describes them, the newest first; `onError` is called with a line. */
export function showJobs(jobs, onError) {
  section.hidden = jobs.length === 0;
  for (const job of jobs) {
    if (!rows.has(job.id)) rows.set(job.id, row(job, onError));
    update(rows.get(job.id), job);
  }
}

function row(job, onError) {
  const item = document.createElement("li");
  item.className = "job";
  const picture = new Image();
  picture.alt = "";
  const box = document.createElement("div");
  const title = document.createElement("h3");
  title.textContent = `${job.result} – ${job.clip} in ${job.styles.join(" + ")}`;
  title.id = `job-${job.id}`;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.setAttribute("aria-labelledby", title.id);
  const line = document.createElement("p");
  line.className = "small";
  const actions = document.createElement("div");
  actions.className = "row";
  const [stop, pause, resume] = ["Stop", "Pause", "Go on"].map((text) => {
    const button = document.createElement("button");
    button.className = "plain";
    button.textContent = text;
    const action = text === "Go on" ? "resume" : text.toLowerCase();
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await ask(`api/jobs/${job.id}/${action}`, { message: {} });
      } catch (error) {
        button.disabled = false;
        onError(error.message);
      }
    });
    return button;
  });
  actions.append(stop, pause, resume);
  box.append(title, bar, line, actions);
  item.append(picture, box);
  list.prepend(item);
  return { item, picture, bar, line, actions, stop, pause, resume, pictured: 0, isShown: false, note: "" };
}

function update(parts, job) {
  const runs = job.state === "running" || job.state === "waiting";
  parts.stop.hidden = !runs;
  parts.pause.hidden = job.state !== "running" || !["plan", "paint"].includes(job.step);  // a long clip, painted in segments
  parts.resume.hidden = job.state !== "paused";
  if (job.state !== parts.state) parts.pause.disabled = parts.resume.disabled = false;
  parts.state = job.state;
  parts.bar.hidden = !runs;
  if (job.share === null) parts.bar.removeAttribute("value");
  else parts.bar.value = job.share;
  parts.line.textContent = words(job) + parts.note;
  parts.line.classList.toggle("bad", job.state === "failed");
  if (job.pictured > parts.pictured) {
    parts.pictured = job.pictured;
    parts.picture.src = address(`api/jobs/${job.id}/picture`, { number: job.pictured });
  }
  if (job.playable && !parts.isShown) showResult(parts, job);
}

function showResult(parts, job) {
  parts.isShown = true;
  const video = document.createElement("video");
  // nothing is loaded before it is played: each video holds one of the few connections of a browser
  Object.assign(video, { controls: true, preload: "none", src: address(`api/jobs/${job.id}/result`) });
  if (job.pictured) video.poster = address(`api/jobs/${job.id}/picture`, { number: job.pictured });
  video.setAttribute("aria-label", job.result);
  const note = (text) => {
    parts.line.textContent = parts.line.textContent.slice(0, -parts.note.length || undefined) + text;
    parts.note = text;
  };
  video.addEventListener("error", () => {
    if (video.dataset.proxy) {  // the copy cannot be played either
      video.remove();
      note(UNPLAYABLE);
      parts.picture.hidden = false;
      parts.item.classList.remove("finished");
      return;
    }
    const codec = video.canPlayType('video/mp4; codecs="avc1.640028"') ? "h264" : "vp9";
    video.dataset.proxy = codec;
    video.preload = "auto";
    note(COPYING);
    video.addEventListener("loadeddata", () => {
      note(COPIED);
      video.play().catch(() => {});  // it was to be played; some browsers want another click
    }, { once: true });
    video.src = address(`api/jobs/${job.id}/proxy`, { codec });
  });
  // a file whose kind no browser plays does not even fail before it is played
  if (/\.(mov|mkv|avi|nut|mxf|ts|m2ts)$/i.test(job.result)) video.preload = "metadata";
  const download = document.createElement("a");
  download.className = "button";
  download.textContent = "Download";
  download.href = address(`api/jobs/${job.id}/result`, { download: 1 });
  download.download = job.result;
  parts.picture.hidden = true;
  parts.item.classList.add("finished");
  parts.actions.append(download);
  parts.item.append(video);
}

function words(job) {
  const frames = `${job.frames} frame${job.frames === 1 ? "" : "s"}`;
  if (job.state === "waiting") return "Waits for the run before it.";
  if (job.state === "paused") return "Paused: what is painted is kept.";
  if (job.state === "failed") return job.error;
  if (job.state === "done") return `Done: ${frames}.`;
  if (job.state === "stopped") return job.frames ? `Stopped: ${frames} are kept.` : "Stopped.";
  if (job.step === "mask") return "Carries the mask to all frames…";
  if (job.step === "join") return "Joins the parts…";
  if (!job.frames) return job.step === "plan" ? "Reads the clip…" : "Loads the engine…";
  const parts = [frames];
  if (job.rate) parts.push(`${job.rate.toFixed(1)} a second`);
  if (job.left !== null && job.rate) parts.push(`${clock(job.left)} left`);
  return parts.join(", ");
}
