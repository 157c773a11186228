import { encodePcm, WIRE_RATE_HZ } from "./pcm";
import { Resampler } from "./resampler";

/** 20 ms: what the server's voice detection works in. */
const FRAME_SAMPLES = 0.02 * WIRE_RATE_HZ;

/** Posts the microphone as frames of 16 bit samples at the wire's rate. */
class CaptureProcessor extends AudioWorkletProcessor {
  readonly #resampler = new Resampler(sampleRate, WIRE_RATE_HZ);
  readonly #frame = new Float32Array(FRAME_SAMPLES);
  #filled = 0;

  process([input]: Float32Array[][]): boolean {
    const channel = input?.[0];
    if (!channel) return true; // the microphone is being changed
    for (const sample of this.#resampler.process(channel)) {
      this.#frame[this.#filled++] = sample;
      if (this.#filled === FRAME_SAMPLES) this.#post();
    }
    return true;
  }

  #post(): void {
    const pcm = encodePcm(this.#frame);
    this.port.postMessage(pcm, [pcm.buffer]);
    this.#filled = 0;
  }
}

registerProcessor("capture", CaptureProcessor);
