import { useSyncExternalStore } from "react";

const query = () => window.matchMedia("(prefers-reduced-motion: reduce)");

function subscribe(notify: () => void): () => void {
  const list = query();
  list.addEventListener("change", notify);
  return () => list.removeEventListener("change", notify);
}

export const useReducedMotion = (): boolean => useSyncExternalStore(subscribe, () => query().matches);
