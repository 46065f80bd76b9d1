// Records a prompt with the microphone: 8 kHz where the browser can, at its own rate elsewhere. What was recorded is heard
// before it goes into the form, as a WAV, like any file. Without a microphone the form is there for files.

const LONGEST = 60; // seconds
const WANTED = 8000; // samples a second

const form = document.querySelector("#unggah");
const panel = document.querySelector("[data-recorder]");

if (form) guard(form);
if (form && panel) record(form, panel);

// Says at once what the server would say after 20 MB.
function guard(form) {
  const file = form.elements.suara;
  file.addEventListener("change", () => {
    form.elements.sumber.value = "unggahan";
    const large = file.files[0]?.size > 20e6;
    file.setCustomValidity(large ? "Berkas ini lebih besar dari 20 MB." : "");
    file.reportValidity();
  });
}

function record(form, panel) {
  const part = (name) => panel.querySelector(`[data-name="${name}"]`);
  const [start, stop, listen, keep] = ["rekam", "berhenti", "dengarkan", "simpan"].map(part);
  const [level, length, state] = ["tingkat", "lama", "keadaan"].map(part);
  const say = (text) => (state.textContent = text);

  panel.hidden = false;
  if (!navigator.mediaDevices || !window.AudioWorkletNode) {
    part("alat").hidden = true;
    part("tanpa-mikrofon").hidden = false;
    return;
  }

  let open = null; // { context, stream } while the microphone is on
  let pieces = [];
  let taken = null; // { samples, rate } when something was recorded

  const show = () => {
    start.disabled = open !== null;
    stop.disabled = open === null;
    listen.disabled = keep.disabled = open !== null || taken === null;
  };
  show();

  start.addEventListener("click", async () => {
    start.disabled = true;
    taken = null;
    pieces = [];
    try {
      await begin();
      say("Merekam. Ucapkan teksnya dengan tenang, sekitar satu jengkal dari mikrofon.");
    } catch (error) {
      await close();
      say(reason(error));
    }
    show();
  });

  async function begin() {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: false, autoGainControl: false, noiseSuppression: true },
    });
    open = { stream, context: null };
    let context = new AudioContext({ sampleRate: WANTED });
    let source;
    try {
      source = context.createMediaStreamSource(stream);
    } catch {
      // Some browsers do not convert the microphone's rate; the server does.
      await context.close();
      context = new AudioContext();
      source = context.createMediaStreamSource(stream);
    }
    open = { stream, context };
    await context.audioWorklet.addModule(panel.dataset.tape);
    const tape = new AudioWorkletNode(context, "tape", { channelCount: 1, channelCountMode: "explicit" });
    let samples = 0;
    let loudest = 0;
    let shown = 0;
    tape.port.onmessage = ({ data }) => {
      if (!open) return;
      pieces.push(data);
      samples += data.length;
      for (const sample of data) loudest = Math.max(loudest, Math.abs(sample));
      const seconds = samples / context.sampleRate;
      if (seconds - shown < 0.1) return;
      shown = seconds;
      level.value = Math.sqrt(loudest);
      length.textContent = `${seconds.toFixed(1).replace(".", ",")} detik`;
      if (loudest > 0.99) say("Terlalu keras: menjauhlah sedikit dari mikrofon.");
      loudest = 0;
      if (seconds >= LONGEST) end();
    };
    source.connect(tape);
    // Silent, but what leads nowhere is not run by every browser.
    tape.connect(context.destination);
    await context.resume();
  }

  async function close() {
    const was = open;
    open = null;
    was?.stream.getTracks().forEach((track) => track.stop());
    await was?.context?.close();
  }

  async function end() {
    if (!open) return;
    const rate = open.context.sampleRate;
    await close();
    const samples = joined(pieces);
    level.value = 0;
    taken = samples.length > 0 ? { samples, rate } : null;
    say(told(samples));
    show();
  }

  stop.addEventListener("click", end);

  listen.addEventListener("click", async () => {
    const context = new AudioContext();
    const buffer = context.createBuffer(1, taken.samples.length, taken.rate);
    buffer.copyToChannel(taken.samples, 0);
    const player = new AudioBufferSourceNode(context, { buffer });
    player.connect(context.destination);
    player.addEventListener("ended", () => context.close());
    player.start();
  });

  keep.addEventListener("click", () => {
    const files = new DataTransfer();
    files.items.add(new File([wav(taken.samples, taken.rate)], "mikrofon.wav", { type: "audio/wav" }));
    form.elements.suara.files = files.files;
    form.elements.suara.setCustomValidity("");
    form.elements.sumber.value = "mikrofon";
    keep.disabled = true;
    say("Menyimpan…");
    form.requestSubmit();
  });
}

function reason(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "Izin mikrofon ditolak. Izinkan mikrofon untuk halaman ini di peramban, lalu tekan Rekam lagi.";
    case "NotFoundError":
      return "Tidak ada mikrofon. Pasang mikrofon, lalu tekan Rekam lagi, atau unggah berkas.";
    default:
      return "Mikrofon tidak dapat dipakai. Tutup aplikasi lain yang memakainya, lalu coba lagi.";
  }
}

function told(samples) {
  const loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (loudest < 0.005) return "Tidak terdengar apa-apa. Periksa mikrofonnya, lalu rekam lagi.";
  if (loudest > 0.99) return "Selesai, tetapi terlalu keras. Dengarkan; bila suaranya pecah, rekam lagi lebih jauh.";
  return "Selesai. Dengarkan, lalu pakai atau rekam lagi.";
}

function joined(pieces) {
  const all = new Float32Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

// A mono WAV of 16 bits.
function wav(samples, rate) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, n) => bytes.setUint8(at + n, letter.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true);
  bytes.setUint32(28, 2 * rate, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, n) => {
    const level = Math.max(-1, Math.min(1, sample));
    bytes.setInt16(44 + 2 * n, Math.round(level * 32767), true);
  });
  return bytes.buffer;
}
