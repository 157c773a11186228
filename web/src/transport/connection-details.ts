import { type Guarded, shape, text } from "../realtime/guard";
import { refusalOf } from "./refusal";
import { UnusableTransportError } from "./transport";

const DETAILS_URL = "/api/connection-details";
const DETAILS_TIMEOUT_MS = 5_000;
/** Asks the assistant for Realtime events beside what LiveKit's own front ends understand. */
const REQUEST = { participant_attributes: { "sottovoce.realtime": "true" } };

const isConnectionDetails = shape({ server_url: text, participant_token: text });
/** Where the room is, and the token that opens it. */
export type ConnectionDetails = Guarded<typeof isConnectionDetails>;

/** A room of one's own. Rejects with what the server said where it gives none. */
export async function fetchConnectionDetails(signal: AbortSignal): Promise<ConnectionDetails> {
  const response = await fetch(DETAILS_URL, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(REQUEST),
    cache: "no-store",
    signal: AbortSignal.any([signal, AbortSignal.timeout(DETAILS_TIMEOUT_MS)]),
  });
  if (!response.ok) throw await refusalOf(response);
  const details: unknown = await response.json();
  if (!isConnectionDetails(details)) throw new UnusableTransportError("The server named no room.");
  return details;
}
