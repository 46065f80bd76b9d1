// Words, times and the drawing lead into the sound. Without this the player and the links still work.

let last = null;

for (const recording of document.querySelectorAll("[data-recording]")) {
  const audio = recording.querySelector("audio");
  if (!audio) continue;
  last ??= audio;
  const places = [...recording.querySelectorAll("[data-seek]")];
  const words = places.filter((place) => place.classList.contains("word"));

  const seek = (seconds) => {
    last = audio;
    const go = () => {
      audio.currentTime = seconds;
      audio.play();
    };
    if (audio.readyState > 0) {
      go();
    } else {
      audio.addEventListener("loadedmetadata", go, { once: true });
      audio.preload = "metadata";
      audio.load();
    }
  };

  for (const place of places) {
    place.addEventListener("click", (event) => {
      event.preventDefault();
      seek(Number(place.dataset.seek));
    });
  }

  const wave = recording.querySelector(".wave");
  const cursor = wave.querySelector(".cursor");
  wave.addEventListener("click", (event) => {
    const box = wave.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const jump = () => seek(share * audio.duration);
    if (audio.readyState > 0) {
      jump();
    } else {
      audio.addEventListener("loadedmetadata", jump, { once: true });
      audio.load();
    }
  });

  audio.addEventListener("play", () => (last = audio));
  audio.addEventListener("timeupdate", () => {
    cursor.hidden = false;
    cursor.style.left = `${(100 * audio.currentTime) / audio.duration}%`;
    const now = words.findLast((word) => Number(word.dataset.seek) <= audio.currentTime);
    for (const word of words) word.classList.toggle("now", word === now);
  });
}

document.addEventListener("kentongan:play", (event) => {
  if (!last) return;
  if (event.detail !== 0) last.currentTime = Math.max(0, last.currentTime + event.detail);
  else if (last.paused) last.play();
  else last.pause();
});
