// Plays a link's sound in place: without this the link opens it. A button plays what its list says, one after another.

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

const list = document.querySelector("[data-says]");
const aloud = document.querySelector("button[data-aloud]");

// Everything in its order, as a caller hears it: a line may be several sounds.
function say(lines) {
  const voice = new Audio();
  const sounds = lines.flatMap((line) => line.dataset.sound.split(" ").map((address) => [line, address]));
  let lit = null;
  const light = (line) => {
    lit?.classList.remove("playing");
    lit = line;
    lit?.classList.add("playing");
  };
  const end = () => {
    voice.pause();
    sounds.length = 0;
    light(null);
    aloud.onclick = begin;
    aloud.textContent = "Dengarkan";
  };
  const next = () => {
    if (!sounds.length) return end();
    const [line, address] = sounds.shift();
    light(line);
    voice.src = address;
    voice.play().catch(() => {});
  };
  voice.addEventListener("ended", next);
  voice.addEventListener("error", next);
  aloud.onclick = end;
  aloud.textContent = "Berhenti";
  next();
}

function begin() {
  say([...list.querySelectorAll("[data-sound]")]);
}

if (list?.querySelector("[data-sound]")) {
  aloud.hidden = false;
  aloud.onclick = begin;
}
