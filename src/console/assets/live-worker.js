// One event stream for all pages of a session: browsers give a host six connections. A page that has no shared worker
// imports this and listens by itself.

const NAMES = ["siap", "antrean", "panggilan", "beranda", "tiket", "hadir"];

export function listen(tell) {
  let source = null;
  let before = false;
  let wait = 5000;

  function open() {
    source = new EventSource("/peristiwa");
    for (const name of NAMES) {
      source.addEventListener(name, (event) => {
        tell({ name, data: event.data, again: before });
        before = true;
        wait = 5000;
      });
    }
    source.addEventListener("error", () => {
      tell({ name: "putus" });
      // Otherwise the browser connects again by itself.
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => source && open(), wait);
      wait = Math.min(2 * wait, 60000);
    });
  }

  open();
  return () => {
    source.close();
    source = null;
  };
}

if (typeof SharedWorkerGlobalScope !== "undefined" && self instanceof SharedWorkerGlobalScope) {
  const pages = new Set();
  let stop = null;
  let state = null;

  const tell = (message) => {
    if (message.name === "putus" || message.name === "siap") state = message;
    for (const page of pages) page.postMessage(message);
  };

  self.addEventListener("connect", (event) => {
    const page = event.ports[0];
    page.addEventListener("message", ({ data }) => {
      if (data === "pergi") {
        pages.delete(page);
        if (pages.size === 0 && stop) stop = stop() ?? null;
        return;
      }
      pages.add(page);
      if (!stop) stop = listen(tell);
      else if (state?.name === "putus") page.postMessage(state);
    });
    page.start();
  });
}
