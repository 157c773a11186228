import type { ServerEvent } from "../realtime/events";
import {
  type OpenTransport,
  RefusedError,
  type TransportKind,
  type VoiceTransport,
} from "../transport/transport";
import { backoffMs } from "./backoff";
import { type Conversation, emptyConversation, spokenMessages } from "./conversation";
import {
  closedMicrophone,
  MicrophoneLine,
  type MicrophoneState,
  type OpenMicrophone,
} from "./microphone-line";
import { type ConversationEvent, reduce } from "./reduce";

export type Link =
  | { phase: "off"; problem: string | null }
  | { phase: "connecting" }
  | { phase: "live"; kind: TransportKind }
  /** `problem`: why the server, which can be reached, refuses. */
  | { phase: "reconnecting"; attempt: number; problem: string | null };

export type SessionSnapshot = {
  link: Link;
  conversation: Conversation;
  microphone: MicrophoneState;
  /** The assistant's voice. */
  output: MediaStream | null;
};

export type SessionParts = {
  openTransport: OpenTransport;
  openMicrophone: OpenMicrophone;
  /** Renews the page's cookie, which a server that was started anew does not know. */
  renewAccess(): Promise<void>;
  random(): number;
};

/** What is said again to a server that has forgotten: enough to keep the thread, not enough to slow its answers. */
export const MAX_RESTORED_MESSAGES = 20;

/** One conversation with the server, over as many connections as it takes. */
export class VoiceSession {
  readonly #parts: SessionParts;
  readonly #microphone: MicrophoneLine;
  readonly #subscribers = new Set<() => void>();
  #transport: VoiceTransport | null = null;
  #connecting: AbortController | null = null;
  #retryTimer: number | undefined;
  #unsent: { id: string; text: string }[] = [];
  #snapshot: SessionSnapshot = {
    link: { phase: "off", problem: null },
    conversation: emptyConversation,
    microphone: closedMicrophone,
    output: null,
  };

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#microphone = new MicrophoneLine(parts.openMicrophone, (microphone) => this.#update({ microphone }));
  }

  readonly subscribe = (notify: () => void): (() => void) => {
    this.#subscribers.add(notify);
    return () => this.#subscribers.delete(notify);
  };

  readonly snapshot = (): SessionSnapshot => this.#snapshot;

  /** Connects with the microphone; where it cannot be had that is shown, and typing still works. */
  async start(): Promise<void> {
    await Promise.all([this.#openMicrophone(), this.#connect()]);
  }

  end(problem: string | null = null): void {
    this.#disconnect();
    this.#microphone.close();
    this.#unsent = [];
    this.#update({ link: { phase: "off", problem }, output: null });
    this.#dispatch({ type: "page.disconnected" });
  }

  /** Forgets the conversation, here and on the server. */
  async startOver(): Promise<void> {
    const isLive = this.#snapshot.link.phase === "live";
    if (isLive) this.#disconnect();
    this.#dispatch({ type: "page.cleared" });
    if (isLive) {
      this.#update({ link: { phase: "connecting" } });
      await this.#connect();
    }
  }

  /** Says `text` in writing; it interrupts as speech would. */
  async write(text: string): Promise<void> {
    const message = { id: `item_${crypto.getRandomValues(new Uint32Array(3)).join("")}`, text };
    this.interrupt();
    this.#dispatch({ type: "page.typed", ...message });
    this.#unsent.push(message);
    if (this.#transport) this.#sendUnsent();
    else await this.#connect();
  }

  setMuted(isMuted: boolean): void {
    this.#microphone.setMuted(isMuted);
  }

  /** While the talk key is held the assistant listens, muted or not. Begins a muted session where there is none. */
  async talk(isTalking: boolean): Promise<void> {
    if (!isTalking) return this.#microphone.hold(false);
    this.#microphone.hold(true);
    this.interrupt();
    if (this.#microphone.track) return;
    this.#microphone.setMuted(true);
    await this.start();
  }

  /** Stops the assistant, if it is working on something. */
  interrupt(): void {
    const { activity, isReplying } = this.#snapshot.conversation;
    if (!this.#transport || (!isReplying && activity !== "speaking")) return;
    this.#transport.send({ type: "response.cancel" });
    this.#transport.flush();
    this.#dispatch({ type: "page.interrupted" });
  }

  async chooseMicrophone(deviceId: string | null): Promise<void> {
    this.#microphone.choose(deviceId);
    if (this.#microphone.track) await this.#openMicrophone();
  }

  /** Reconnects now instead of after the wait; nothing where no connection is missing. */
  async retryNow(): Promise<void> {
    if (this.#snapshot.link.phase === "reconnecting") await this.#connect();
  }

  async jitterBufferMs(): Promise<number | null> {
    return (await this.#transport?.jitterBufferMs()) ?? null;
  }

  async #openMicrophone(): Promise<void> {
    if (await this.#microphone.open()) await this.#transport?.setMicrophone(this.#microphone.track);
  }

  async #connect(): Promise<void> {
    if (this.#transport || this.#connecting) return;
    clearTimeout(this.#retryTimer);
    const connecting = new AbortController();
    this.#connecting = connecting;
    if (this.#snapshot.link.phase === "off") this.#update({ link: { phase: "connecting" } });
    let problem: string | null = null;
    const transport = await this.#parts
      .openTransport(this.#listeners(), connecting.signal)
      .catch(async (error: unknown) => {
        problem = await this.#failed(error, connecting.signal);
        return null;
      });
    if (connecting.signal.aborted) return transport?.close();
    this.#connecting = null;
    if (transport) await this.#connected(transport);
    else if (this.#snapshot.link.phase !== "off") this.#retryLater(problem);
  }

  #listeners() {
    return {
      onEvent: (event: ServerEvent): void => this.#dispatch(event),
      onClosed: (): void => this.#lost(),
      onRenewed: (): void => this.#renewed(),
    };
  }

  async #connected(transport: VoiceTransport): Promise<void> {
    const wasLost = this.#snapshot.link.phase === "reconnecting";
    this.#transport = transport;
    this.#takeUp(transport, wasLost);
    await transport.setMicrophone(this.#microphone.track);
  }

  /** Tells a server that has heard nothing where the conversation stands. */
  #takeUp(transport: VoiceTransport, wasLost: boolean): void {
    this.#update({ link: { phase: "live", kind: transport.kind }, output: transport.output });
    this.#dispatch({ type: "page.connected" });
    this.#restore();
    this.#sendUnsent();
    if (wasLost) this.#dispatch({ type: "page.notice", text: "Connected again.", isProblem: false });
  }

  #renewed(): void {
    if (!this.#transport) return;
    this.#dispatch({ type: "page.disconnected" });
    this.#takeUp(this.#transport, true);
  }

  /** What the server said, if it was the server that said no. */
  async #failed(error: unknown, signal: AbortSignal): Promise<string | null> {
    if (!(error instanceof RefusedError) || signal.aborted) return null;
    if (error.status === 401 || error.status === 403) await this.#parts.renewAccess();
    if (this.#snapshot.link.phase === "connecting") this.end(error.message);
    return error.message;
  }

  #lost(): void {
    this.#transport = null;
    this.#dispatch({ type: "page.disconnected" });
    this.#update({ output: null });
    this.#retryLater(null);
  }

  #retryLater(problem: string | null): void {
    const { link } = this.#snapshot;
    const attempt = link.phase === "reconnecting" ? link.attempt + 1 : 0;
    this.#update({ link: { phase: "reconnecting", attempt, problem } });
    this.#retryTimer = window.setTimeout(
      () => void this.#connect(),
      backoffMs(attempt, this.#parts.random()),
    );
  }

  #disconnect(): void {
    clearTimeout(this.#retryTimer);
    this.#connecting?.abort();
    this.#connecting = null;
    this.#transport?.close();
    this.#transport = null;
  }

  /** A new connection begins with a server that has heard nothing: it is told what was said before. */
  #restore(): void {
    const unsent = new Set(this.#unsent.map(({ id }) => id));
    const messages = spokenMessages(this.#snapshot.conversation).filter(({ id }) => !unsent.has(id));
    for (const { id, role, text } of messages.slice(-MAX_RESTORED_MESSAGES))
      this.#sendMessage(id, role, text);
  }

  #sendUnsent(): void {
    const messages = this.#unsent.splice(0);
    for (const { id, text } of messages) this.#sendMessage(id, "user", text);
    if (messages.length > 0) this.#transport?.send({ type: "response.create" });
  }

  #sendMessage(id: string, role: "user" | "assistant", text: string): void {
    const content = { type: role === "user" ? ("input_text" as const) : ("output_text" as const), text };
    this.#transport?.send({
      type: "conversation.item.create",
      item: { id, type: "message", role, content: [content] },
    });
  }

  #dispatch(event: ConversationEvent): void {
    const conversation = reduce(this.#snapshot.conversation, event);
    if (conversation !== this.#snapshot.conversation) this.#update({ conversation });
  }

  #update(change: Partial<SessionSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const notify of this.#subscribers) notify();
  }
}
