import { MicrophoneError, type MicrophoneProblem, stopStream } from "../audio/microphone";

export type MicrophoneState = {
  /** While the microphone is open, muted or not. */
  stream: MediaStream | null;
  problem: MicrophoneProblem | null;
  isMuted: boolean;
  /** The talk key is held. */
  isTalking: boolean;
};

export const closedMicrophone: MicrophoneState = {
  stream: null,
  problem: null,
  isMuted: false,
  isTalking: false,
};

/** The last syllable of who lets the talk key go a moment early. */
export const TALK_TAIL_MS = 250;

export type OpenMicrophone = (deviceId: string | null) => Promise<MediaStream>;

/** The microphone and who may hear it: open when not muted, and while the talk key is held. */
export class MicrophoneLine {
  readonly #open: OpenMicrophone;
  readonly #onChange: (state: MicrophoneState) => void;
  #state = closedMicrophone;
  #device: string | null = null;
  #tail: number | undefined;
  #openings = 0;

  constructor(open: OpenMicrophone, onChange: (state: MicrophoneState) => void) {
    this.#open = open;
    this.#onChange = onChange;
  }

  get track(): MediaStreamTrack | null {
    return this.#state.stream?.getAudioTracks()[0] ?? null;
  }

  /** True when a new track is there; a microphone that cannot be had becomes the state's `problem`. */
  async open(): Promise<boolean> {
    const opening = ++this.#openings;
    try {
      const stream = await this.#open(this.#device);
      if (opening !== this.#openings) {
        stopStream(stream); // closed, or opened anew, while the browser asked
        return false;
      }
      stopStream(this.#state.stream);
      this.#update({ stream, problem: null });
      return true;
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      if (opening === this.#openings) this.#update({ problem: error.problem });
      return false;
    }
  }

  /** Null is the system's default. */
  choose(deviceId: string | null): void {
    this.#device = deviceId;
  }

  setMuted(isMuted: boolean): void {
    this.#update({ isMuted });
  }

  hold(isTalking: boolean): void {
    clearTimeout(this.#tail);
    if (isTalking) this.#update({ isTalking });
    else if (this.#state.isTalking)
      this.#tail = window.setTimeout(() => this.#update({ isTalking }), TALK_TAIL_MS);
  }

  close(): void {
    this.#openings++;
    clearTimeout(this.#tail);
    stopStream(this.#state.stream);
    this.#update(closedMicrophone);
  }

  #update(change: Partial<MicrophoneState>): void {
    this.#state = { ...this.#state, ...change };
    if (this.track) this.track.enabled = this.#state.isTalking || !this.#state.isMuted;
    this.#onChange(this.#state);
  }
}
