// Saves all that is set and brushed as a file, and opens such a file again.

import { say } from "./notices.js";
import { address, upload } from "./server.js";

const button = document.getElementById("save-project");
const input = document.getElementById("project-file");
let hooks = {};

/** `clip()` and `settings()` give what is saved; `opened(settings, styles)` is called with what was saved. */
export function useProjects(next) {
  hooks = next;
}

button.addEventListener("click", async () => {
  button.disabled = true;
  say("", "project");
  try {
    const { id, name } = hooks.clip();
    const body = JSON.stringify({ settings: hooks.settings() });
    const answer = await fetch(address(`api/clips/${id}/save-project`), { method: "POST", body });
    if (!answer.ok) throw new Error((await answer.json()).error);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `${name.replace(/\.[^.]*$/, "")}_project.zip`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    say(error.message, "project");
  }
  button.disabled = false;
});
input.addEventListener("change", async () => {
  const [file] = input.files;
  say("", "project");
  try {
    const clip = hooks.clip();
    if (!clip) throw new Error("Open the clip of the project first.");
    const { settings, styles } = await upload(`api/clips/${clip.id}/open-project`, file, file.name);
    hooks.opened(settings, styles);
  } catch (error) {
    say(error.message, "project");
  }
  input.value = "";
});
