// The line at the top of the page that says what is wrong.

const box = document.getElementById("notice");
const notices = new Map();  // what is wrong, by what it is about: look, file, run, mask, camera or connection

/** Shows a line that says what is wrong `about` something; an empty one takes it away. */
export function say(line, about) {
  notices.set(about, line);
  const lines = [...notices.values()].filter(Boolean);
  box.textContent = lines.join(" ");
  box.hidden = lines.length === 0;
}
