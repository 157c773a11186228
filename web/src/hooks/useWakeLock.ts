import { useEffect } from "react";

/** Keeps the screen on; the browser takes the lock back whenever the page is hidden. */
export function useWakeLock(isWanted: boolean): void {
  useEffect(() => {
    if (!isWanted || !("wakeLock" in navigator)) return;
    let lock: WakeLockSentinel | null = null;
    let isCurrent = true;
    const acquire = async (): Promise<void> => {
      if (document.hidden) return;
      // A browser may refuse, on low battery for one: then the screen goes dark as it would anyway.
      const granted = await navigator.wakeLock.request("screen").catch(() => null);
      if (isCurrent) lock = granted;
      else await granted?.release();
    };
    void acquire();
    document.addEventListener("visibilitychange", acquire);
    return () => {
      isCurrent = false;
      document.removeEventListener("visibilitychange", acquire);
      void lock?.release();
    };
  }, [isWanted]);
}
