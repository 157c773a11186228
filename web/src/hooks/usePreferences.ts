import { useCallback, useEffect, useLayoutEffect, useState } from "react";
import { loadPreferences, type Preferences, savePreferences } from "../session/preferences";

export function usePreferences(): [Preferences, (change: Partial<Preferences>) => void] {
  const [preferences, setPreferences] = useState(loadPreferences);
  useEffect(() => savePreferences(preferences), [preferences]);
  // Before anything is painted, or the page would flash in the other appearance.
  useLayoutEffect(() => {
    const { dataset } = document.documentElement;
    if (preferences.theme === "system") delete dataset.theme;
    else dataset.theme = preferences.theme;
  }, [preferences.theme]);
  const change = useCallback(
    (part: Partial<Preferences>) => setPreferences((current) => ({ ...current, ...part })),
    [],
  );
  return [preferences, change];
}
