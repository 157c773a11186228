import { lazy, Suspense } from "react";
import type { FeedSnapshot, ModelFeed } from "../../models/feed";
import { Dialog } from "../ui/dialog";

/** Most visits never open it, so it is fetched when it is. */
const ModelsDialog = lazy(() => import("./ModelsDialog").catch(() => ({ default: Unavailable })));

type ModelsProps = {
  feed: ModelFeed;
  snapshot: FeedSnapshot;
  isOpen: boolean;
  onOpenChange(isOpen: boolean): void;
};

export function Models(props: ModelsProps) {
  return props.isOpen ? (
    <Suspense fallback={null}>
      <ModelsDialog {...props} />
    </Suspense>
  ) : null;
}

function Unavailable({ isOpen, onOpenChange }: ModelsProps) {
  return (
    <Dialog
      title="Models"
      description="This part of the page could not be loaded. Load the page anew when the server is there again."
      isOpen={isOpen}
      onOpenChange={onOpenChange}
    >
      {null}
    </Dialog>
  );
}
