import { flag, type Guarded, isRecord, oneOf, orNull, parseJson, shape, text } from "../realtime/guard";

const isPreferences = shape({
  theme: oneOf("system", "light", "dark"),
  hasSingleKeys: flag,
  microphone: orNull(text),
  speaker: orNull(text),
  isOfferDismissed: flag,
});
export type Preferences = Guarded<typeof isPreferences>;
export type Theme = Preferences["theme"];

export const defaultPreferences: Preferences = {
  theme: "system",
  hasSingleKeys: true,
  microphone: null,
  speaker: null,
  isOfferDismissed: false,
};

const STORAGE_KEY = "sottovoce.preferences";

/** What an older page did not know is as usual; whatever else is stored, by hand or by chance, counts as nothing. */
export function loadPreferences(): Preferences {
  try {
    const stored = parseJson(localStorage.getItem(STORAGE_KEY) ?? "");
    const whole = isRecord(stored) ? { ...defaultPreferences, ...stored } : null;
    return isPreferences(whole) ? whole : defaultPreferences;
  } catch {
    return defaultPreferences; // storage is switched off
  }
}

export function savePreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(preferences));
  } catch {
    return; // storage is full or switched off: the choice lasts until the page is closed
  }
}
