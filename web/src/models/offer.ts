import type { Offer } from "./model";
import type { Shelf } from "./shelf";

/** Only who may press the button is asked, and only until one of the models has set out. */
export function isOpen(offer: Offer, shelf: Shelf): boolean {
  const isNews = offer.models.every(({ id }) => {
    const now = shelf.models.find((model) => model.id === id);
    return !now || now.state === "absent";
  });
  const isPossible = offer.is_first_run && offer.is_reachable === true && offer.may_change;
  return isPossible && offer.models.length > 0 && isNews;
}
