// Changes the sample rate of a stream by a windowed sinc, any ratio, frame after frame without seams.

const ZEROS = 12; // zero crossings of the sinc on each side
const STEPS = 64; // table entries between two zero crossings

function table() {
  const size = ZEROS * STEPS + 2;
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const x = i / STEPS;
    const window = x >= ZEROS ? 0 : 0.42 + 0.5 * Math.cos((Math.PI * x) / ZEROS) + 0.08 * Math.cos((2 * Math.PI * x) / ZEROS);
    values[i] = window * (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
  }
  return values;
}

const SINC = table();

export class Resampler {
  // from, to: rates in Hz. The band kept is 92 % of the lower one, so that nothing folds back.
  constructor(from, to) {
    this.step = from / to;
    this.cut = 0.92 * Math.min(1, to / from);
    this.reach = Math.ceil(ZEROS / this.cut);
    this.kept = new Float32Array(2 * this.reach);
    this.at = this.reach; // position of the next output sample in `kept` + new input
  }

  // Takes input samples, returns the output samples they complete.
  process(input) {
    const all = new Float32Array(this.kept.length + input.length);
    all.set(this.kept);
    all.set(input, this.kept.length);
    const last = all.length - this.reach - 1;
    const output = [];
    while (this.at <= last) {
      output.push(this.sample(all, this.at));
      this.at += this.step;
    }
    const drop = Math.max(0, Math.min(all.length, Math.floor(this.at) - this.reach));
    this.kept = all.slice(drop);
    this.at -= drop;
    return output;
  }

  sample(all, at) {
    const first = Math.max(0, Math.ceil(at - this.reach));
    const end = Math.min(all.length - 1, Math.floor(at + this.reach));
    let sum = 0;
    for (let n = first; n <= end; n++) {
      const x = Math.abs(at - n) * this.cut * STEPS;
      const i = x | 0;
      if (i < ZEROS * STEPS) sum += all[n] * (SINC[i] + (SINC[i + 1] - SINC[i]) * (x - i));
    }
    return sum * this.cut;
  }
}
