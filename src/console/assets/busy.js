// Whoever sends a form sees at once that it is on its way, and sends it once. Without this the server still counts it once.

// Longer than any form takes; one that led to a file leaves its page as it was.
const LONGEST = 15000;

function rest(form) {
  if (!form.waiting) return;
  clearTimeout(form.waiting.timer);
  for (const button of form.waiting.buttons) button.disabled = false;
  form.waiting.pressed?.replaceChildren(...form.waiting.label);
  form.removeAttribute("aria-busy");
  form.removeAttribute("data-busy");
  form.waiting = null;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || event.submitter?.formMethod === "dialog" || form.getAttribute("method") === "dialog") return;
  if (form.waiting) {
    event.preventDefault();
    return;
  }
  const pressed = event.submitter;
  const buttons = [...form.elements].filter((element) => element.type === "submit" && !element.disabled);
  form.waiting = { pressed, label: [...(pressed?.childNodes ?? [])], buttons, timer: setTimeout(() => rest(form), LONGEST) };
  form.setAttribute("aria-busy", "true");
  form.setAttribute("data-busy", "");
  pressed?.replaceChildren(form.method === "get" ? "Memuat…" : "Memproses…");
  // A disabled button would not tell its value: not before the browser has taken it.
  setTimeout(() => {
    for (const button of buttons) button.disabled = true;
  });
});

// Back in the browser: the page is as it was left.
window.addEventListener("pageshow", () => {
  for (const form of document.forms) rest(form);
});
