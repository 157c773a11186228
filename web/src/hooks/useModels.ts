import { useEffect, useState, useSyncExternalStore } from "react";
import { change, fetchModels, fetchOffer, openEvents } from "../models/api";
import { isOnItsWay } from "../models/arrivals";
import { type FeedSnapshot, ModelFeed } from "../models/feed";
import type { Offer } from "../models/model";
import { awaitedModels } from "../models/shelf";

export function useModels(): [ModelFeed, FeedSnapshot] {
  const [feed] = useState(() => new ModelFeed({ change, fetchModels, openEvents }));
  const snapshot = useSyncExternalStore(feed.subscribe, feed.snapshot);
  return [feed, snapshot];
}

/** Keeps the models up to date while somebody is looking, or while those come that somebody waits for. */
export function useWatch(feed: ModelFeed, isLooking: boolean): void {
  const isWaiting = useSyncExternalStore(feed.subscribe, () =>
    awaitedModels(feed.snapshot().shelf).some(isOnItsWay),
  );
  const isWatched = isLooking || isWaiting;
  useEffect(() => (isWatched ? feed.watch() : undefined), [feed, isWatched]);
}

/** What the server offers for a first run; null while that is unknown, or there is nothing to offer. */
export function useOffer(isWanted: boolean): Offer | null {
  const [offer, setOffer] = useState<Offer | null>(null);
  useEffect(() => {
    if (!isWanted) return;
    let isCurrent = true;
    void fetchOffer().then((found) => {
      if (isCurrent) setOffer(found);
    });
    return () => {
      isCurrent = false;
    };
  }, [isWanted]);
  return offer;
}
