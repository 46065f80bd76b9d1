// Hears the keys of the tables that the page brings: some while nobody types, others in the text box of a mend.

const sheet = document.getElementById("lembar-tombol");
const named = (name) => document.querySelector(`[data-name="${CSS.escape(name)}"]`);

const table = (name) => {
  const rows = document.querySelectorAll(`[data-keys="${name}"] [data-key]`);
  return new Map([...rows].map((row) => [row.dataset.key, row.dataset.action]));
};
const onPage = table("halaman");
const inMend = table("perbaikan");
const inField = table("isian");
const onWord = table("kata");

const parts = (action) => [action.slice(0, action.indexOf(":")), action.slice(action.indexOf(":") + 1)];

// To the next report of a list, or the one before.
function row(step) {
  const links = [...document.querySelectorAll("main td.code a")];
  if (links.length === 0) return false;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1);
  links[next].focus();
  return true;
}

// To the first field of a form that may be folded.
function fill(fold) {
  const field = fold?.querySelector("select, textarea, input:not([type=hidden])");
  if (!field) return false;
  fold.open = true;
  field.focus();
  return true;
}

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
    case "word":
      return tell(verb, Number(what));
    case "row":
      return row(Number(what));
    case "leave":
      at.blur();
      return true;
    case "fill":
      return fill(named(what));
    case "submit": {
      // Elsewhere a form may do more than save.
      const form = document.querySelector("[data-ticket]") ? at.form : null;
      // A form that leads nowhere else is saved.
      const button = (what && form?.elements.namedItem(what)) || form?.querySelector("button:not([type=button])");
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
  const shifted = event.shiftKey && event.key === "Enter";
  const held = (event.ctrlKey ? "Control+" : "") + (event.altKey ? "Alt+" : "") + (shifted ? "Shift+" : "");
  if (!event.altKey) return held + (event.key.length === 1 ? event.key.toLowerCase() : event.key);
  const { code } = event;
  const key = { Comma: ",", Period: "." }[code] ?? (code.startsWith("Key") ? code[3].toLowerCase() : event.key);
  return held + key;
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.metaKey || event.target.closest("dialog")) return;
  const field = event.target.closest("input, textarea, select, audio, [contenteditable]");
  let tables = [onPage];
  if (field) tables = field.matches("[data-mend]") ? [inMend, inField] : [inField];
  else if (event.target.matches(".word")) tables = [onWord, onPage];
  const key = pressed(event);
  const action = tables.map((table) => table.get(key)).find(Boolean);
  if (action && act(action, event.target)) event.preventDefault();
});

// What has a key says so.
for (const [key, action] of onPage) {
  const [verb, what] = parts(action);
  let element = verb === "go" ? document.querySelector(`.top nav a[href="${what}"]`) : named(verb === "sheet" ? "tombol" : what);
  if (verb === "fill") element &&= element.querySelector("summary");
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
