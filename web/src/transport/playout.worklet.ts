import { PlayoutQueue } from "./playout-queue";

/** Samples to queue, or an order to drop what is queued. */
export type PlayoutMessage = Float32Array<ArrayBuffer> | "flush";

/** Plays what is posted to it; answers a flush with the number of samples that had been played. */
class PlayoutProcessor extends AudioWorkletProcessor {
  readonly #queue = new PlayoutQueue();

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<PlayoutMessage>) => {
      if (data !== "flush") return this.#queue.push(data);
      this.port.postMessage(this.#queue.played);
      this.#queue.flush();
    };
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const channel = output?.[0];
    if (channel) this.#queue.pull(channel);
    return true;
  }
}

registerProcessor("playout", PlayoutProcessor);
