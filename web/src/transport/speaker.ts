import { decodePcm, fromBase64, WIRE_RATE_HZ } from "./pcm";
import type { PlayoutOrder, PlayoutReport } from "./playout.worklet";
import playoutUrl from "./playout.worklet?worker&url";
import type { Position } from "./playout-queue";

/** Plays received samples into a stream: an `<audio>` element plays that on, so that echo cancellation hears it. */
export class Speaker {
  readonly #context: AudioContext;
  readonly #node: AudioWorkletNode;
  readonly output: MediaStream;
  onFlushed: ((position: Position | null) => void) | undefined;
  #onQueued: ((samples: number) => void) | undefined;

  /** Rejects where the page is not in a secure context: there is no AudioWorklet then. */
  static async open(): Promise<Speaker> {
    const context = new AudioContext({ sampleRate: WIRE_RATE_HZ, latencyHint: "interactive" });
    await context.audioWorklet.addModule(playoutUrl);
    return new Speaker(context);
  }

  private constructor(context: AudioContext) {
    this.#context = context;
    this.#node = new AudioWorkletNode(context, "playout", { numberOfInputs: 0, outputChannelCount: [1] });
    const destination = context.createMediaStreamDestination();
    this.#node.connect(destination);
    this.output = destination.stream;
    this.#node.port.onmessage = ({ data }: MessageEvent<PlayoutReport>) => {
      if (data.type === "flushed") this.onFlushed?.(data.position);
      else this.#onQueued?.(data.samples);
    };
  }

  play(item: string, audio: string): void {
    const samples = decodePcm(fromBase64(audio));
    this.#order({ type: "push", item, samples }, [samples.buffer]);
  }

  flush(): void {
    this.#order({ type: "flush" });
  }

  queuedMs(): Promise<number> {
    return new Promise((resolve) => {
      this.#onQueued = (samples) => resolve((samples / WIRE_RATE_HZ) * 1000);
      this.#order({ type: "report" });
    });
  }

  close(): void {
    void this.#context.close();
  }

  #order(order: PlayoutOrder, transfer: Transferable[] = []): void {
    this.#node.port.postMessage(order, transfer);
  }
}
