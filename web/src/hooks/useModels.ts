import { useEffect, useState, useSyncExternalStore } from "react";
import { change, fetchModels, fetchOffer, openEvents } from "../models/api";
import { isOnItsWay } from "../models/arrivals";
import { type FeedSnapshot, ModelFeed } from "../models/feed";
import type { Offer } from "../models/model";
import { awaitedModels } from "../models/shelf";

/** The models, kept up to date while somebody looks, or while those come that somebody waits for. */
export function useModels(isLooking: boolean): [ModelFeed, FeedSnapshot] {
  const [feed] = useState(() => new ModelFeed({ change, fetchModels, openEvents }));
  const snapshot = useSyncExternalStore(feed.subscribe, feed.snapshot);
  const isWatched = isLooking || awaitedModels(snapshot.shelf).some(isOnItsWay);
  useEffect(() => (isWatched ? feed.watch() : undefined), [feed, isWatched]);
  return [feed, snapshot];
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
