// What was typed on a report's page and not saved outlives another form of the page, a reload, and a session that ended:
// in this tab, until it is saved or somebody signs out. Passwords, PINs and codes are never kept.

const KEY = "kentongan-isian";
const FIELD = "main form[method=post] :is(textarea, select, input:not([type=hidden], [type=password], [type=checkbox]))[id]";
const who = document.getElementById("kabar").dataset.who;
const ticket = document.querySelector("[data-ticket]")?.dataset.ticket;

function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    if (kept?.who === who) return kept;
  } catch {
    // Nothing that could be read.
  }
  return { who, tickets: {}, sent: null };
}

function write(kept) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // No room: it is as without this.
  }
}

const saved = (field) =>
  field.options ? ([...field.options].find((option) => option.defaultSelected) ?? field.options[0])?.value : field.defaultValue;

function flag(field, text) {
  const label = document.querySelector(`label[for="${CSS.escape(field.id)}"]`);
  label?.querySelector(".flag")?.remove();
  if (!text || !label) return;
  const mark = document.createElement("span");
  mark.className = "flag";
  mark.textContent = text;
  label.append(" ", mark);
}

// Whose form is gone, to be copied.
function show(id, { name, value }) {
  const box = document.getElementById("tertinggal");
  const label = document.createElement("label");
  const text = document.createElement("textarea");
  Object.assign(text, { id: `tertinggal-${id}`, rows: 4, readOnly: true, value });
  Object.assign(label, { htmlFor: text.id, textContent: name });
  box.querySelector("div").append(label, text);
  box.hidden = false;
}

function restore(id, draft) {
  const field = document.getElementById(id);
  if (!field?.matches(FIELD)) {
    // The answer to a form shows by itself what it could not take.
    if (location.pathname === `/tiket/${ticket}`) show(id, draft);
    return;
  }
  if (field.value === draft.value) return;
  field.value = draft.value;
  flag(field, saved(field) === draft.base ? "belum disimpan" : "belum disimpan; yang tersimpan sudah berubah");
  for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
}

const kept = read();
if (kept.sent) {
  const told = new URLSearchParams(location.search).get("pesan");
  // Two words say only where a link led.
  const taken = told !== null && !["awal", "sepi"].includes(told);
  for (const id of taken ? kept.sent.fields : []) delete kept.tickets[kept.sent.ticket]?.[id];
  kept.sent = null;
}
write(kept);
for (const [id, draft] of Object.entries(kept.tickets[ticket] ?? {})) restore(id, draft);

document.addEventListener("input", ({ target: field }) => {
  if (!ticket || !field.matches(FIELD)) return;
  const now = read();
  const mine = (now.tickets[ticket] ??= {});
  if (field.value === saved(field)) {
    delete mine[field.id];
    flag(field, "");
  } else {
    mine[field.id] = { value: field.value, base: mine[field.id]?.base ?? saved(field), name: field.labels[0]?.firstChild.textContent };
  }
  write(now);
});

document.addEventListener("submit", ({ target: form, defaultPrevented }) => {
  if (defaultPrevented) return;
  if (form.getAttribute("action") === "/keluar") sessionStorage.removeItem(KEY);
  else if (ticket) write({ ...read(), sent: { ticket, fields: [...form.elements].map((field) => field.id).filter(Boolean) } });
});

document.getElementById("buang")?.addEventListener("click", () => {
  const now = read();
  for (const text of document.querySelectorAll("#tertinggal textarea")) delete now.tickets[ticket]?.[text.id.slice("tertinggal-".length)];
  write(now);
  document.getElementById("tertinggal").hidden = true;
});
