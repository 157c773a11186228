import type { Machine, Model, ModelList, News } from "./model";

/** All models as far as the page knows them. */
export type Shelf = {
  models: readonly Model[];
  machine: Machine | null;
  isOffline: boolean;
  /** Whether who looks at the page may also change what the server runs. */
  mayChange: boolean;
  /** A list was read: before that, no models means that nobody knows yet. */
  isKnown: boolean;
  /** Those whose coming the user waits for: asked for here, or seen while they were downloaded. */
  awaited: readonly string[];
  /** Those whose download goes on, and that the user does not want to see. */
  hidden: readonly string[];
};

export const emptyShelf: Shelf = {
  models: [],
  machine: null,
  isOffline: false,
  mayChange: false,
  isKnown: false,
  awaited: [],
  hidden: [],
};

export function withList(shelf: Shelf, list: ModelList): Shelf {
  const known = withNews(shelf, { models: list.models, is_full: true });
  return {
    ...known,
    machine: list.machine,
    isOffline: list.is_offline,
    mayChange: list.may_change,
    isKnown: true,
  };
}

/** The same objects where nothing changed: only rows that did are drawn anew. */
export function withNews(shelf: Shelf, { models, is_full }: News): Shelf {
  const fresh = new Map(models.map((each) => [each.id, each]));
  const before = new Map(shelf.models.map((each) => [each.id, each]));
  const order = is_full ? models : shelf.models;
  const next = order.map(({ id }) => newer(before.get(id), fresh.get(id))).filter((each) => each !== null);
  const isSame = next.length === shelf.models.length && next.every((each, at) => each === shelf.models[at]);
  const coming = next.filter(({ id, state }) => state === "downloading" && !shelf.hidden.includes(id));
  return withCome(isSame ? shelf : { ...shelf, models: next }, coming);
}

const idsOf = (models: readonly Model[]): string[] => models.map(({ id }) => id);

const withCome = (shelf: Shelf, coming: readonly Model[]): Shelf => {
  const added = idsOf(coming).filter((id) => !shelf.awaited.includes(id));
  return added.length === 0 ? shelf : { ...shelf, awaited: [...shelf.awaited, ...added] };
};

/** The user wants these, and to see how they come. */
export const withAwaited = (shelf: Shelf, ids: readonly string[]): Shelf => ({
  ...shelf,
  awaited: [...new Set([...shelf.awaited, ...ids])],
  hidden: shelf.hidden.filter((id) => !ids.includes(id)),
});

/** Seen, or called off; a download that goes on all the same stays out of sight. */
export function withoutAwaited(shelf: Shelf, ids: readonly string[]): Shelf {
  const running = shelf.models.filter(({ id, state }) => ids.includes(id) && state === "downloading");
  return {
    ...shelf,
    awaited: shelf.awaited.filter((id) => !ids.includes(id)),
    hidden: [...new Set([...shelf.hidden, ...idsOf(running)])],
  };
}

/** One that was called off elsewhere is on its way no longer. */
export const awaitedModels = ({ models, awaited }: Shelf): Model[] =>
  models.filter(({ id, state }) => awaited.includes(id) && state !== "absent");

/** Both are JSON of the same server, so their texts tell whether they are the same. */
function newer(before: Model | undefined, fresh: Model | undefined): Model | null {
  if (!fresh) return before ?? null;
  return before && JSON.stringify(before) === JSON.stringify(fresh) ? before : fresh;
}
