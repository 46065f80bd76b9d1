// Brings the place that is meant into view beside the other one. Without this the links still lead there.

const drawing = document.querySelector("[data-drawing]");
const script = document.querySelector("[data-script]");

/** Scrolls a panel, and never the page, until a part of it is in its middle. */
function reveal(panel, part) {
  const [outer, inner] = [panel.getBoundingClientRect(), part.getBoundingClientRect()];
  panel.scrollTop += inner.top - outer.top - (outer.height - inner.height) / 2;
}

const here = drawing?.querySelector(".here");
if (here) reveal(drawing, here);

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#b"]');
  const line = link && document.getElementById(link.getAttribute("href").slice(1));
  if (!line || !script) return;
  event.preventDefault();
  for (const lit of script.querySelectorAll(".lit")) lit.classList.remove("lit");
  line.classList.add("lit");
  reveal(script, line);
  const text = script.querySelector("textarea");
  const start = text.value.split("\n").slice(0, Number(line.textContent) - 1).join("\n").length;
  text.focus({ preventScroll: true });
  text.setSelectionRange(start + (start > 0 ? 1 : 0), start + (start > 0 ? 1 : 0));
});
