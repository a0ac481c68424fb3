// Runs on the audio thread: microphone to 20 ms frames at 8 kHz, and frames back to the loudspeaker.
import { Resampler } from "./resampler.js";

const RATE_HZ = 8000;
const FRAME = 160;
const PREBUFFER = 3 * FRAME; // 60 ms before play-out begins
const CEILING = 10 * FRAME; // above 200 ms old sound is dropped
const CALM_S = 2; // a buffer that never empties below this long is trimmed

class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, RATE_HZ);
    this.frame = new Int16Array(FRAME);
    this.fill = 0;
    this.port.onmessage = ({ data }) => {
      if (data.to) this.to = data.to;
    };
  }

  process(inputs) {
    const channels = inputs[0];
    const input = channels.length ? channels[0] : new Float32Array(128);
    for (const value of this.resampler.process(input)) {
      this.frame[this.fill++] = Math.max(-32768, Math.min(32767, Math.round(value * 32767)));
      if (this.fill === FRAME) {
        if (this.to) this.to.postMessage(this.frame.buffer, [this.frame.buffer]);
        this.frame = new Int16Array(FRAME);
        this.fill = 0;
      }
    }
    return true;
  }
}

class PlayOut extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(RATE_HZ, sampleRate);
    this.queue = []; // samples at 8 kHz, waiting
    this.ready = []; // samples at the context's rate
    this.playing = false;
    this.lowest = Infinity;
    this.since = currentTime;
    this.port.onmessage = ({ data }) => {
      if (data.from) data.from.onmessage = (frame) => this.take(new Int16Array(frame.data));
    };
  }

  take(frame) {
    for (const value of frame) this.queue.push(value / 32768);
    if (this.queue.length > CEILING) this.queue.splice(0, this.queue.length - PREBUFFER);
    if (this.queue.length >= PREBUFFER) this.playing = true;
  }

  process(_, outputs) {
    const out = outputs[0][0];
    while (this.ready.length < out.length) this.refill();
    for (let i = 0; i < out.length; i++) out[i] = this.ready[i];
    this.ready.splice(0, out.length);
    for (let c = 1; c < outputs[0].length; c++) outputs[0][c].set(out);
    return true;
  }

  refill() {
    const size = FRAME / 10;
    let part;
    if (this.playing && this.queue.length >= size) part = this.queue.splice(0, size);
    else {
      if (this.playing) this.port.postMessage({ dry: true });
      this.playing = false;
      part = new Float32Array(size);
    }
    for (const value of this.resampler.process(part)) this.ready.push(value);
    this.lowest = Math.min(this.lowest, this.queue.length);
    if (currentTime - this.since < CALM_S) return;
    if (this.playing && this.lowest > PREBUFFER) this.queue.splice(0, this.lowest - PREBUFFER);
    this.lowest = Infinity;
    this.since = currentTime;
  }
}

registerProcessor("capture", Capture);
registerProcessor("play-out", PlayOut);
