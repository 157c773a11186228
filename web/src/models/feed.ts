import { type Change, ModelsError } from "./api";
import { type ModelList, parseNews } from "./model";
import {
  awaitedModels,
  emptyShelf,
  type Shelf,
  withAwaited,
  withList,
  withNews,
  withoutAwaited,
} from "./shelf";

export type FeedParts = {
  fetchModels(): Promise<ModelList>;
  change(wanted: Change): Promise<ModelList>;
  openEvents(onNews: (data: string) => void, onBroken: () => void): () => void;
};

export type FeedSnapshot = {
  shelf: Shelf;
  /** Why what was asked for last did not begin, or why there is no list. */
  problem: { id: string | null; text: string } | null;
  /** Ids of models that a request is under way for. */
  busy: readonly string[];
};

/** Between two lists while the stream of events is broken; each brings another try at the stream. */
export const POLL_MS = 2_000;
/** A stream that has not told anything until then is held back by something between here and the server. */
export const FIRST_NEWS_MS = 5_000;

/** Its way back is no arrival: it is always there. */
const EMBEDDED = "embedded";

/** Knows the models while somebody watches: by the server's events, where those do not come by asking. */
export class ModelFeed {
  readonly #parts: FeedParts;
  readonly #subscribers = new Set<() => void>();
  #watchers = 0;
  #round = 0;
  #timer: number | undefined;
  #closeEvents: (() => void) | null = null;
  #snapshot: FeedSnapshot = { shelf: emptyShelf, problem: null, busy: [] };

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  readonly subscribe = (notify: () => void): (() => void) => {
    this.#subscribers.add(notify);
    return () => this.#subscribers.delete(notify);
  };

  readonly snapshot = (): FeedSnapshot => this.#snapshot;

  /** Keeps the models up to date until the returned function is called. */
  watch(): () => void {
    this.#watchers++;
    if (this.#watchers === 1) void this.#begin();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#watchers--;
      if (this.#watchers === 0) this.#end();
    };
  }

  /** Asks the server for a change; whether it began. What hinders it is in `problem`. */
  async change(wanted: Change): Promise<boolean> {
    const ids = idsOf(wanted);
    this.#update({ problem: null, busy: [...this.#snapshot.busy, ...ids] });
    try {
      const shelf = withList(this.#snapshot.shelf, await this.#parts.change(wanted));
      this.#update({ shelf: expecting(shelf, wanted) });
      return true;
    } catch (error) {
      this.#update({ problem: { id: ids[0] ?? null, text: wordsOf(error) } });
      return false;
    } finally {
      this.#update({ busy: this.#snapshot.busy.filter((id) => !ids.includes(id)) });
    }
  }

  /** Calls off all downloads that the user waits for. */
  async cancel(): Promise<void> {
    const running = awaitedModels(this.#snapshot.shelf).filter(({ state }) => state === "downloading");
    for (const { id } of running) await this.change({ do: "cancel", id });
  }

  /** The user has seen how these fare, and need not see it any longer. */
  dismiss(ids: readonly string[]): void {
    this.#update({ shelf: withoutAwaited(this.#snapshot.shelf, ids) });
  }

  /** One look at all models, then the stream; whatever breaks leads back here. */
  async #begin(): Promise<void> {
    const round = ++this.#round;
    try {
      const list = await this.#parts.fetchModels();
      if (round !== this.#round) return;
      const { problem } = this.#snapshot;
      this.#update({
        shelf: withList(this.#snapshot.shelf, list),
        problem: problem?.id === null ? null : problem,
      });
    } catch (error) {
      if (round !== this.#round) return;
      this.#update({ problem: { id: null, text: wordsOf(error) } });
      return this.#beginLater();
    }
    this.#listen();
  }

  #listen(): void {
    const close = this.#parts.openEvents(
      (data) => this.#hear(data),
      () => this.#beginLater(),
    );
    this.#closeEvents = close;
    this.#timer = window.setTimeout(() => this.#beginLater(), FIRST_NEWS_MS);
  }

  #hear(data: string): void {
    clearTimeout(this.#timer);
    const news = parseNews(data);
    if (!news) return;
    const shelf = withNews(this.#snapshot.shelf, news);
    if (shelf !== this.#snapshot.shelf) this.#update({ shelf });
  }

  #beginLater(): void {
    this.#end();
    this.#timer = window.setTimeout(() => void this.#begin(), POLL_MS);
  }

  #end(): void {
    this.#round++;
    clearTimeout(this.#timer);
    this.#closeEvents?.();
    this.#closeEvents = null;
  }

  #update(change: Partial<FeedSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const notify of this.#subscribers) notify();
  }
}

const idsOf = (wanted: Change): readonly string[] => {
  if (wanted.do === "pull") return wanted.ids;
  return [wanted.do === "use" ? wanted.model : wanted.id];
};

/** What was asked for is waited for; what was called off is not. */
function expecting(shelf: Shelf, wanted: Change): Shelf {
  const ids = idsOf(wanted);
  if (wanted.do === "cancel" || wanted.do === "remove") return withoutAwaited(shelf, ids);
  return withAwaited(
    shelf,
    ids.filter((id) => id !== EMBEDDED),
  );
}

const wordsOf = (error: unknown): string =>
  error instanceof ModelsError ? error.message : "Something went wrong on this page. Load it anew.";
