import { isRecord, parseJson } from "../realtime/guard";
import { RefusedError, UnusableTransportError } from "./transport";

/** Statuses that every transport would get: not allowed, too many, not ready. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([401, 403, 429, 503]);

/** What an error response in OpenAI's form means for connecting. */
export async function refusalOf(response: Response): Promise<Error> {
  const body = parseJson(await response.text());
  const error = isRecord(body) ? body.error : undefined;
  const message =
    isRecord(error) && typeof error.message === "string"
      ? error.message
      : `The server answered with status ${response.status}.`;
  return FINAL_STATUSES.has(response.status)
    ? new RefusedError(message, response.status)
    : new UnusableTransportError(message);
}
