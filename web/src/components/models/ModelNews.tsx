import type { FeedSnapshot, ModelFeed } from "../../models/feed";
import type { Model, Offer } from "../../models/model";
import { awaitedModels } from "../../models/shelf";
import { ArrivalsCard } from "./ArrivalsCard";
import { OfferCard } from "./OfferCard";

type ModelNewsProps = {
  feed: ModelFeed;
  snapshot: FeedSnapshot;
  /** Null where there is none, or it was declined. */
  offer: Offer | null;
  isCompact: boolean;
  onDecline(): void;
  onShowAll(): void;
};

/** The offer of a first run, and how models fare that are on their way. Nothing, most of the time. */
export function ModelNews({ feed, snapshot, offer, isCompact, onDecline, onShowAll }: ModelNewsProps) {
  const { shelf, busy } = snapshot;
  const arriving = awaitedModels(shelf);
  const problemOf = (ids: readonly string[]): string | null =>
    snapshot.problem?.id && ids.includes(snapshot.problem.id) ? snapshot.problem.text : null;
  if (arriving.length > 0) {
    const ids = arriving.map(({ id }) => id);
    return (
      <ArrivalsCard
        models={arriving}
        isCompact={isCompact}
        mayChange={shelf.mayChange}
        problem={problemOf(ids)}
        onCancel={() => void feed.cancel()}
        onRetry={(model) => void feed.change(retrying(model))}
        onShowAll={onShowAll}
        onDismiss={() => feed.dismiss(ids)}
      />
    );
  }
  if (!offer) return null;
  const ids = offer.models.map(({ id }) => id);
  return (
    <OfferCard
      offer={offer}
      isCompact={isCompact}
      isBusy={ids.some((id) => busy.includes(id))}
      problem={problemOf(ids)}
      onAccept={() => void feed.change({ do: "pull", ids, isForUse: true })}
      onDismiss={onDecline}
      onShowAll={onShowAll}
    />
  );
}

const retrying = ({ id, kind, is_installed }: Model) =>
  is_installed
    ? ({ do: "use", kind, model: id } as const)
    : ({ do: "pull", ids: [id], isForUse: true } as const);
