import { flag, type Guarded, oneOf, orNull, parseJson, shape, text } from "../realtime/guard";

const isPreferences = shape({
  theme: oneOf("system", "light", "dark"),
  hasSingleKeys: flag,
  microphone: orNull(text),
  speaker: orNull(text),
});
export type Preferences = Guarded<typeof isPreferences>;
export type Theme = Preferences["theme"];

export const defaultPreferences: Preferences = {
  theme: "system",
  hasSingleKeys: true,
  microphone: null,
  speaker: null,
};

const STORAGE_KEY = "sottovoce.preferences";

/** Whatever else is stored, by an older page or by hand, counts as nothing. */
export function loadPreferences(): Preferences {
  try {
    const stored = parseJson(localStorage.getItem(STORAGE_KEY) ?? "");
    return isPreferences(stored) ? stored : defaultPreferences;
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
