// The ringing tone of the desk: two soft notes, again and again, until stopped.

const NOTES_HZ = [784, 988];
const EVERY_MS = 2600;

export class Bell {
  constructor(context) {
    this.context = context;
    this.level = 0.5;
    this.timer = 0;
  }

  ring() {
    if (this.timer) return;
    this.chime();
    this.timer = setInterval(() => this.chime(), EVERY_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = 0;
  }

  chime() {
    for (let i = 0; i < 4; i++) this.note(NOTES_HZ[i % 2], this.context.currentTime + 0.02 + i * 0.22);
  }

  note(hertz, at) {
    const tone = this.context.createOscillator();
    const gain = this.context.createGain();
    tone.type = "triangle";
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.35 * this.level, at + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.42);
    tone.connect(gain).connect(this.context.destination);
    tone.start(at);
    tone.stop(at + 0.45);
  }
}
