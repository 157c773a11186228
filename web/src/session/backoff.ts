const FIRST_MS = 500;
const LONGEST_MS = 8_000;

/** How long to wait before reconnecting; `chance` (0 to 1) spreads pages that lost one server together. */
export function backoffMs(attempt: number, chance: number): number {
  const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return wait * (0.75 + chance * 0.5);
}
