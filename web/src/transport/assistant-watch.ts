import { deferred } from "./deferred";

/** A worker whose connection broke for a moment is back by then. */
export const RETURN_TIMEOUT_MS = 3_000;

/** Who the assistant in the room is, and whether it is there. */
export class AssistantWatch {
  readonly #onReturn: () => void;
  readonly #onGone: () => void;
  readonly #met = deferred<void>();
  #timer: number | undefined;
  #identity: string | null = null;
  #isHere = false;

  /** `onReturn` when it is there again, `onGone` when it stays away. */
  constructor(onReturn: () => void, onGone: () => void) {
    this.#onReturn = onReturn;
    this.#onGone = onGone;
  }

  /** Resolves when it has come for the first time. */
  get met(): Promise<void> {
    return this.#met.promise;
  }

  /** The first agent in the room is the one. */
  get identity(): string | null {
    return this.#identity;
  }

  get isHere(): boolean {
    return this.#isHere;
  }

  came(identity: string): void {
    this.#identity ??= identity;
    if (this.#identity !== identity || this.#isHere) return;
    clearTimeout(this.#timer);
    this.#isHere = true;
    this.#met.resolve();
    this.#onReturn();
  }

  left(identity: string): void {
    if (this.#identity !== identity || !this.#isHere) return;
    this.#isHere = false;
    this.#timer = window.setTimeout(this.#onGone, RETURN_TIMEOUT_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
