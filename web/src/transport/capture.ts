import captureUrl from "./capture.worklet?worker&url";
import { toBase64 } from "./pcm";

/** The microphone as frames of base64, until it is closed. */
export class Capture {
  readonly #context: AudioContext;

  /** The context keeps the device's own rate: Firefox takes a microphone at no other. */
  static async open(track: MediaStreamTrack, onFrame: (audio: string) => void): Promise<Capture> {
    const context = new AudioContext({ latencyHint: "interactive" });
    await context.audioWorklet.addModule(captureUrl);
    const node = new AudioWorkletNode(context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    node.port.onmessage = ({ data }: MessageEvent<Int16Array<ArrayBuffer>>) => onFrame(toBase64(data));
    context.createMediaStreamSource(new MediaStream([track])).connect(node);
    return new Capture(context);
  }

  private constructor(context: AudioContext) {
    this.#context = context;
  }

  close(): void {
    void this.#context.close();
  }
}
