// Plays a link's sound in place. Without this the link opens it.

const sound = new Audio();
let playing = null;

function show(link, on) {
  link.setAttribute("aria-pressed", String(on));
  link.classList.toggle("playing", on);
}

function stop() {
  sound.pause();
  if (playing) show(playing, false);
  playing = null;
}

sound.addEventListener("ended", stop);
sound.addEventListener("error", stop);

for (const link of document.querySelectorAll("a[data-play]")) {
  link.setAttribute("role", "button");
  show(link, false);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const again = link === playing;
    stop();
    if (again) return;
    playing = link;
    show(link, true);
    sound.src = link.href;
    sound.play().catch(() => {});
  });
}
