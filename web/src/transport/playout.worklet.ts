import { PlayoutQueue, type Position } from "./playout-queue";

export type PlayoutOrder =
  | { type: "push"; item: string; samples: Float32Array<ArrayBuffer> }
  | { type: "flush" }
  | { type: "report" };

/** The answers to a flush and to a report. */
export type PlayoutReport =
  | { type: "flushed"; position: Position | null }
  | { type: "queued"; samples: number };

class PlayoutProcessor extends AudioWorkletProcessor {
  readonly #queue = new PlayoutQueue();

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<PlayoutOrder>) => this.#obey(data);
  }

  process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
    const channel = output?.[0];
    if (channel) this.#queue.pull(channel);
    return true;
  }

  #obey(order: PlayoutOrder): void {
    if (order.type === "push") return this.#queue.push(order.item, order.samples);
    if (order.type === "report") return this.#post({ type: "queued", samples: this.#queue.queued });
    this.#post({ type: "flushed", position: this.#queue.position });
    this.#queue.flush();
  }

  #post(report: PlayoutReport): void {
    this.port.postMessage(report);
  }
}

registerProcessor("playout", PlayoutProcessor);
