/** Zero crossings of the sinc on each side: about 70 dB of stopband with the Blackman window. */
const HALF_WIDTH = 16;
/** Share of the narrower band that is kept, leaving room for the filter to fall off. */
const PASSBAND = 0.92;

/** A streaming polyphase resampler (windowed sinc) for mono audio between any two whole-numbered rates. */
export class Resampler {
  readonly #phases: readonly Float32Array[];
  readonly #step: number;
  readonly #taps: number;
  #history: Float32Array;
  /** Where the next output lies behind the start of the history, in 1/phases of an input sample. */
  #position = 0;

  constructor(fromHz: number, toHz: number) {
    const divisor = greatestCommonDivisor(fromHz, toHz);
    const cutoff = Math.min(1, toHz / fromHz) * PASSBAND;
    const half = Math.ceil(HALF_WIDTH / cutoff);
    this.#step = fromHz / divisor;
    this.#taps = half * 2;
    this.#phases = Array.from({ length: toHz / divisor }, (_, phase) =>
      kernel(half, cutoff, phase / (toHz / divisor)),
    );
    this.#history = new Float32Array(half); // the filter's delay, as silence before the first sample
  }

  process(input: Float32Array): Float32Array<ArrayBuffer> {
    const samples = new Float32Array(this.#history.length + input.length);
    samples.set(this.#history);
    samples.set(input, this.#history.length);
    const output: number[] = [];
    const phases = this.#phases.length;
    for (; Math.floor(this.#position / phases) + this.#taps <= samples.length; this.#position += this.#step) {
      output.push(this.#at(samples, Math.floor(this.#position / phases), this.#position % phases));
    }
    const consumed = Math.min(Math.floor(this.#position / phases), samples.length);
    this.#history = samples.slice(consumed);
    this.#position -= consumed * phases;
    return Float32Array.from(output);
  }

  #at(samples: Float32Array, start: number, phase: number): number {
    const taps = this.#phases[phase] ?? new Float32Array();
    let sum = 0;
    for (let tap = 0; tap < taps.length; tap++) sum += (taps[tap] ?? 0) * (samples[start + tap] ?? 0);
    return sum;
  }
}

function kernel(half: number, cutoff: number, fraction: number): Float32Array {
  const taps = Float32Array.from({ length: half * 2 }, (_, tap) => {
    const distance = tap - (half - 1) - fraction;
    return cutoff * sinc(cutoff * distance) * blackman(distance / half);
  });
  const gain = taps.reduce((sum, tap) => sum + tap, 0);
  return taps.map((tap) => tap / gain);
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** `x` runs from -1 to 1 over the window. */
const blackman = (x: number): number =>
  Math.abs(x) > 1 ? 0 : 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);
