import { deferred } from "./deferred";

/** A worker whose connection broke for a moment is back by then, and often one that takes its place. */
export const RETURN_TIMEOUT_MS = 3_000;
/** For one that takes the place: what it needs to begin a session, on a busy machine. */
export const BEGIN_TIMEOUT_MS = 6_000;

export type AssistantListeners = {
  /** It is there again, and remembers. */
  onReturn(): void;
  /** Another has come in its place, and will begin a session of its own. */
  onReplaced(): void;
  /** It stays away. */
  onGone(): void;
};

/** Who the assistant in the room is, and whether it is there. */
export class AssistantWatch {
  readonly #listeners: AssistantListeners;
  readonly #met = deferred<void>();
  #timer: number | undefined;
  #identity: string | null = null;
  #isHere = false;

  constructor(listeners: AssistantListeners) {
    this.#listeners = listeners;
  }

  /** Resolves when it has come for the first time. */
  get met(): Promise<void> {
    return this.#met.promise;
  }

  get identity(): string | null {
    return this.#identity;
  }

  get isHere(): boolean {
    return this.#isHere;
  }

  /** Whatever other agents are in the room, the assistant is one at a time. */
  came(identity: string): void {
    if (this.#isHere) return;
    const before = this.#identity;
    this.#identity = identity;
    this.#isHere = true;
    clearTimeout(this.#timer);
    if (before === null) this.#met.resolve();
    else if (before === identity) this.#listeners.onReturn();
    else {
      this.#timer = window.setTimeout(this.#listeners.onGone, BEGIN_TIMEOUT_MS);
      this.#listeners.onReplaced();
    }
  }

  /** The one that came has begun. */
  begun(): void {
    clearTimeout(this.#timer);
  }

  left(identity: string): void {
    if (this.#identity !== identity || !this.#isHere) return;
    this.#isHere = false;
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(this.#listeners.onGone, RETURN_TIMEOUT_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
