// Hears the hints of the event stream and passes them on to the page, whose parts fetch themselves again. Without this
// the page is as it was when it was loaded.

const page = document.getElementById("kabar");
const lost = document.getElementById("putus");
const ticket = document.querySelector("[data-ticket]");
const missed = new Set();
let broken = null;

// Many browsers hear of a change at the same moment: they do not all ask at once.
function tell(name) {
  if (document.hidden) missed.add(name);
  else setTimeout(() => document.body.dispatchEvent(new CustomEvent(`kabar-${name}`)), 250 * Math.random());
}

const everything = () => ["antrean", "panggilan", "beranda", "hadir"].forEach(tell);

function ticketChanged(data) {
  const [code, revision] = data.split(" ");
  if (ticket?.dataset.ticket !== code || Number(revision) <= Number(ticket.dataset.revision)) return;
  document.getElementById("berubah").hidden = false;
}

function hear({ name, data, again }) {
  if (name === "putus") {
    broken ??= setTimeout(() => {
      lost.hidden = false;
      broken = setInterval(everything, 60000);
    }, 10000);
    return;
  }
  if (broken !== null) {
    clearTimeout(broken);
    clearInterval(broken);
    broken = null;
    lost.hidden = true;
  }
  if (name === "siap") {
    if (again) everything();
  } else if (name === "tiket") ticketChanged(data);
  else if (name === "hadir") {
    if (ticket?.dataset.ticket === data) tell(name);
  } else tell(name);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  const names = [...missed];
  missed.clear();
  names.forEach(tell);
});

if (typeof SharedWorker === "undefined") {
  const { listen } = await import(page.dataset.worker);
  listen(hear);
} else {
  const worker = new SharedWorker(page.dataset.worker, { type: "module", name: page.dataset.session });
  worker.port.addEventListener("message", (event) => hear(event.data));
  worker.port.start();
  worker.port.postMessage("datang");
  window.addEventListener("pagehide", () => worker.port.postMessage("pergi"));
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) worker.port.postMessage("datang");
  });
}

// Calls last longer by the second, whatever the clock of this machine says.
const counting = new WeakMap();

function count() {
  for (const element of document.querySelectorAll("[data-seconds]")) {
    const since = counting.get(element);
    const told = Number(element.dataset.seconds);
    if (since?.told !== told) counting.set(element, { told, at: performance.now() });
    const { at } = counting.get(element);
    const seconds = told + Math.floor((performance.now() - at) / 1000);
    element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

setInterval(count, 1000);
