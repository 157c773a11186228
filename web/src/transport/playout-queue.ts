import { WIRE_RATE_HZ } from "./pcm";

/** Gathered before the first sample is played, so that the next late packet is not heard as a gap. */
export const CUSHION_SAMPLES = 0.06 * WIRE_RATE_HZ;
/** A server that does not pace its audio may send a whole reply at once; beyond this the newest is dropped. */
export const MAX_QUEUED_SAMPLES = 300 * WIRE_RATE_HZ;

type Chunk = { item: string; samples: Float32Array };

/** How much of an item was played: silence while waiting does not count. */
export type Position = { item: string; samples: number };

/** Received audio on its way to the loudspeaker. Time is counted in pulled samples alone. */
export class PlayoutQueue {
  #chunks: Chunk[] = [];
  #queued = 0;
  #waited = 0;
  #isPlaying = false;
  #position: Position | null = null;

  /** Of the item that was played last; null before the first. */
  get position(): Position | null {
    return this.#position;
  }

  get queued(): number {
    return this.#queued;
  }

  push(item: string, samples: Float32Array): void {
    if (samples.length === 0 || this.#queued + samples.length > MAX_QUEUED_SAMPLES) return;
    this.#chunks.push({ item, samples });
    this.#queued += samples.length;
  }

  /** Fills `out`, with silence where there is nothing to play. */
  pull(out: Float32Array): void {
    out.fill(0);
    if (!this.#isReady(out.length)) return;
    let filled = 0;
    while (filled < out.length) {
      const chunk = this.#chunks[0];
      if (!chunk) break;
      const part = chunk.samples.subarray(0, out.length - filled);
      out.set(part, filled);
      filled += part.length;
      this.#advance(chunk, part.length);
    }
    this.#queued -= filled;
    if (this.#queued === 0) this.#isPlaying = false;
  }

  flush(): void {
    this.#chunks = [];
    this.#queued = 0;
    this.#waited = 0;
    this.#isPlaying = false;
    this.#position = null;
  }

  #advance({ item, samples }: Chunk, played: number): void {
    if (played === samples.length) this.#chunks.shift();
    else this.#chunks[0] = { item, samples: samples.subarray(played) };
    const before = this.#position?.item === item ? this.#position.samples : 0;
    this.#position = { item, samples: before + played };
  }

  /** Waits for a cushion, but for a reply shorter than one no longer than it would take to gather. */
  #isReady(pulled: number): boolean {
    if (this.#isPlaying) return true;
    if (this.#queued === 0) return false;
    this.#waited += pulled;
    this.#isPlaying = this.#queued >= CUSHION_SAMPLES || this.#waited > CUSHION_SAMPLES;
    if (this.#isPlaying) this.#waited = 0;
    return this.#isPlaying;
  }
}
