// Hands on what the microphone hears. Runs beside the sound, away from the page.

class Tape extends AudioWorkletProcessor {
  process([input]) {
    if (input[0]) this.port.postMessage(input[0].slice());
    return true;
  }
}

registerProcessor("tape", Tape);
