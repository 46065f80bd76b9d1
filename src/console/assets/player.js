// Words, times, the drawing and keys lead into the sound. Without this the player and the links still work.

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
// Seconds to go back after a pause, into what was just heard.
const BACK = 1;

const recordings = new Map();
let last = null;
// The segment whose mend was listened to last.
let mended = null;

function when(audio, act) {
  if (audio.readyState > 0) {
    act();
    return;
  }
  audio.addEventListener("loadedmetadata", act, { once: true });
  audio.preload = "metadata";
  audio.load();
}

function seek(audio, seconds) {
  last = audio;
  when(audio, () => {
    audio.currentTime = seconds;
    audio.play();
  });
}

for (const recording of document.querySelectorAll("[data-recording]")) {
  const audio = recording.querySelector("audio");
  if (!audio) continue;
  recordings.set(recording, audio);
  last ??= audio;
  const places = [...recording.querySelectorAll("[data-seek]")];
  const words = places.filter((place) => place.classList.contains("word"));

  // All words are one stop of the Tab key; arrows go from one to the next.
  for (const word of words.slice(1)) word.tabIndex = -1;
  const enter = (word) => {
    for (const other of words) other.tabIndex = other === word ? 0 : -1;
  };
  for (const place of places) {
    place.addEventListener("click", (event) => {
      event.preventDefault();
      if (words.includes(place)) enter(place);
      // By the mouse: arrows are the sound's still.
      if (event.detail > 0) place.blur();
      seek(audio, Number(place.dataset.seek));
    });
  }
  recording.addEventListener("kentongan:word", (event) => {
    const next = words[words.indexOf(event.target) + event.detail];
    if (!next) return;
    event.preventDefault();
    enter(next);
    next.focus();
  });

  const wave = recording.querySelector(".wave");
  const cursor = wave.querySelector(".cursor");
  wave.addEventListener("click", (event) => {
    const box = wave.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    when(audio, () => seek(audio, share * audio.duration));
  });

  let paused = null;
  audio.addEventListener("pause", () => (paused = audio.ended ? null : audio.currentTime));
  audio.addEventListener("play", () => {
    last = audio;
    // A little off: the sound runs on until the event is heard. Further off somebody has gone elsewhere.
    const same = paused !== null && Math.abs(paused - audio.currentTime) < 0.3;
    if (same) audio.currentTime = Math.max(0, paused - BACK);
    paused = null;
  });
  audio.addEventListener("timeupdate", () => {
    cursor.hidden = false;
    cursor.style.left = `${(100 * audio.currentTime) / audio.duration}%`;
    const at = audio.currentTime;
    const last = words.findLast((word) => Number(word.dataset.seek) <= at);
    const now = last && at < Number(last.closest(".segment").dataset.ends) ? last : null;
    for (const word of words) word.classList.toggle("now", word === now);
  });
  audio.addEventListener("ratechange", () => {
    const speed = recording.querySelector("[data-speed]");
    speed.textContent = `Kecepatan ${String(audio.playbackRate).replace(".", ",")}×`;
  });
}

// A part that is mended next is opened by the server: its text and its buttons are seen whole, and one types on at its end.
const box = document.querySelector("[data-mend][autofocus]");
if (box) {
  box.focus();
  box.closest(".segment")?.scrollIntoView({ block: "center" });
  box.setSelectionRange(box.value.length, box.value.length);
}

// The sound that a key is about: that of the text box it was pressed in, or the one that was heard last.
const soundOf = (event) => recordings.get(event.target.closest?.("[data-recording]")) ?? last;
const segmentOf = (event) => event.target.closest?.(".segment") ?? null;

document.addEventListener("kentongan:play", (event) => {
  const audio = soundOf(event);
  if (!audio) return;
  event.preventDefault();
  last = audio;
  const segment = segmentOf(event);
  if (event.detail !== 0) {
    when(audio, () => (audio.currentTime = Math.max(0, audio.currentTime + event.detail)));
  } else if (segment && segment !== mended) {
    mended = segment;
    seek(audio, Number(segment.querySelector("[data-seek]").dataset.seek));
  } else if (audio.paused) audio.play();
  else audio.pause();
});

document.addEventListener("kentongan:speed", (event) => {
  const audio = soundOf(event);
  if (!audio) return;
  event.preventDefault();
  const at = SPEEDS.indexOf(audio.playbackRate) + event.detail;
  audio.playbackRate = SPEEDS[Math.min(Math.max(at, 0), SPEEDS.length - 1)];
});

document.addEventListener("kentongan:segment", (event) => {
  const boxes = [...document.querySelectorAll("[data-mend]")];
  const next = boxes[boxes.indexOf(event.target) + event.detail];
  if (!next) return;
  event.preventDefault();
  next.closest("details").open = true;
  next.focus();
});
