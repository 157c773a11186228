import { Download, X } from "lucide-react";
import { useId, useState } from "react";
import type { Offer } from "../../models/model";
import { kindWords, sizeWords } from "../../models/words";
import { Button } from "../ui/button";
import { Licence } from "./Licence";

type OfferCardProps = {
  offer: Offer;
  /** During a conversation one line is enough, until it is opened. */
  isCompact: boolean;
  isBusy: boolean;
  problem: string | null;
  onAccept(): void;
  onDismiss(): void;
  onShowAll(): void;
};

export function OfferCard(props: OfferCardProps) {
  const { isCompact, problem, onDismiss } = props;
  const [isOpen, setIsOpen] = useState(false);
  const heading = useId();
  const isWhole = isOpen || !isCompact;
  return (
    <section
      aria-labelledby={heading}
      data-models="offer"
      className="mx-auto max-h-[60dvh] w-full max-w-2xl shrink-0 overflow-y-auto rounded-2xl border border-rule bg-sheet px-4 py-3"
    >
      <div className="flex items-center gap-2">
        <h2 id={heading} className="min-w-0 flex-1 font-serif text-lg italic leading-tight">
          Better models fit this machine
        </h2>
        {isCompact && (
          <Button variant="ghost" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
            {isOpen ? "Less" : "Have a look"}
          </Button>
        )}
        {!isWhole && (
          <Button variant="ghost" onClick={onDismiss} aria-label="Not now">
            <X aria-hidden />
          </Button>
        )}
      </div>
      {isWhole && <OfferDetails {...props} />}
      {problem && (
        <p role="alert" className="mt-2 text-problem text-sm">
          {problem}
        </p>
      )}
    </section>
  );
}

function OfferDetails({ offer, isBusy, onAccept, onDismiss, onShowAll }: OfferCardProps) {
  return (
    <>
      <p className="text-quiet text-sm">
        They hear, think and speak far better than those that are built in. You can go on talking meanwhile.
      </p>
      <ul className="my-2 divide-y divide-rule border-rule border-y">
        {offer.models.map((model) => (
          <li key={model.id} className="grid grid-cols-[5rem_1fr_auto] gap-x-3 py-1.5 text-sm">
            <span className="text-quiet">{kindWords[model.kind]}</span>
            <span className="min-w-0 break-words font-medium">{model.title}</span>
            <span className="text-right tabular-nums">{sizeWords(model.download_bytes)}</span>
            <span className="col-span-2 col-start-2 text-quiet text-xs">
              Licence: <Licence model={model} />
            </span>
          </li>
        ))}
      </ul>
      <p className="text-quiet text-sm">
        {sizeWords(offer.download_bytes)} to download from {offer.hub}; {sizeWords(offer.free_bytes)} of disk
        space free.
        {!offer.has_room && (
          <strong className="text-problem">
            {" "}
            That is not enough room: free some, or choose smaller models.
          </strong>
        )}
      </p>
      <div className="mt-2 flex flex-wrap gap-2">
        <Button variant="solid" disabled={isBusy || !offer.has_room} onClick={onAccept}>
          <Download aria-hidden /> Download and use
        </Button>
        <Button onClick={onShowAll}>Choose others</Button>
        <Button variant="ghost" onClick={onDismiss}>
          Not now
        </Button>
      </div>
    </>
  );
}
