// Hears the keys of the tables that the page brings: some while nobody types, others in the text box of a mend.

const sheet = document.getElementById("lembar-tombol");
const named = (name) => document.querySelector(`[data-name="${CSS.escape(name)}"]`);

const table = (name) => {
  const rows = document.querySelectorAll(`[data-keys="${name}"] [data-key]`);
  return new Map([...rows].map((row) => [row.dataset.key, row.dataset.action]));
};
const onPage = table("halaman");
const inMend = table("perbaikan");

const parts = (action) => [action.slice(0, action.indexOf(":")), action.slice(action.indexOf(":") + 1)];

// What a key does to `at`, the element that has the focus; whether it did anything.
function act(action, at) {
  const [verb, what] = parts(action);
  const tell = (name, detail) => !at.dispatchEvent(new CustomEvent(`kentongan:${name}`, { detail, bubbles: true, cancelable: true }));
  switch (verb) {
    case "go":
      location.assign(what);
      return true;
    case "sheet":
      if (sheet) sheet.showModal();
      return sheet !== null;
    case "play":
    case "speed":
    case "segment":
      return tell(verb, Number(what));
    case "submit": {
      const button = at.form?.elements.namedItem(what);
      button?.click();
      return Boolean(button);
    }
    default: {
      const element = named(what);
      if (!element) return false;
      if (verb === "press") element.click();
      else element.focus();
      return true;
    }
  }
}

// With Alt some systems write another letter: then it is the key that counts.
function pressed(event) {
  const held = (event.ctrlKey ? "Control+" : "") + (event.altKey ? "Alt+" : "");
  if (!event.altKey) return held + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
  const { code } = event;
  const key = { Comma: ",", Period: "." }[code] ?? (code.startsWith("Key") ? code[3].toLowerCase() : event.key);
  return held + key;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.metaKey || event.target.closest("dialog")) return;
  const field = event.target.closest("input, textarea, select, audio, [contenteditable]");
  if (field && !field.matches("[data-mend]")) return;
  const action = (field ? inMend : onPage).get(pressed(event));
  if (action && act(action, event.target)) event.preventDefault();
});

// What has a key says so.
for (const [key, action] of onPage) {
  const [verb, what] = parts(action);
  const element = verb === "go" ? document.querySelector(`.top nav a[href="${what}"]`) : named(verb === "sheet" ? "tombol" : what);
  if (!element) continue;
  const shown = key.length === 1 ? key.toUpperCase() : key;
  element.setAttribute("aria-keyshortcuts", shown);
  element.title = element.title ? `${element.title} (${shown})` : `Tombol ${shown}`;
}

named("tombol")?.addEventListener("click", (event) => {
  if (!sheet) return;
  event.preventDefault();
  sheet.showModal();
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
