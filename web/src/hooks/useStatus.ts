import { useEffect, useState } from "react";
import { fetchStatus, type ServerStatus } from "../status/status";
import { isSettled } from "../status/summary";

const USUAL_POLL_MS = 10_000;
/** While something is on its way, restarting or gone, the user is waiting for news. */
const WAITING_POLL_MS = 2_000;

export type StatusView = { status: ServerStatus | null; isReachable: boolean };

/** The last known status stays while the server is gone. `trigger` asks anew at once when it changes. */
export function useStatus(trigger: unknown): StatusView {
  const [view, setView] = useState<StatusView>({ status: null, isReachable: true });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the trigger is not read, its change is the point
  useEffect(() => {
    let timer: number | undefined;
    let isCurrent = true;
    const ask = async (): Promise<void> => {
      clearTimeout(timer);
      const status = document.hidden ? undefined : await fetchStatus();
      if (!isCurrent) return;
      if (status !== undefined) {
        setView((last) => ({ status: status ?? last.status, isReachable: status !== null }));
      }
      timer = window.setTimeout(ask, status && isSettled(status) ? USUAL_POLL_MS : WAITING_POLL_MS);
    };
    void ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [trigger]);
  return view;
}
