// Hears the keys of the table that the page brings, and nothing while somebody types.

const keys = new Map();
for (const row of document.querySelectorAll("#tombol [data-key]")) {
  keys.set(row.dataset.key, row.dataset.action);
}

const named = (name) => document.querySelector(`[data-name="${CSS.escape(name)}"]`);

function act(action) {
  const [verb, what] = [action.slice(0, action.indexOf(":")), action.slice(action.indexOf(":") + 1)];
  if (verb === "go") {
    location.assign(what);
    return true;
  }
  if (verb === "play") {
    document.dispatchEvent(new CustomEvent("kentongan:play", { detail: Number(what) }));
    return document.querySelector("audio") !== null;
  }
  const element = named(what);
  if (!element) return false;
  if (verb === "press") element.click();
  else element.focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, audio, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const action = keys.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (action && act(action)) event.preventDefault();
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
