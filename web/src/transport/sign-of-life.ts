import { type LocalParticipant, RpcError } from "livekit-client";

/** How often the assistant is asked, and how long its answer may take: together half of a user's patience. */
export const ASKING_MS = 3_000;
const ANSWER_TIMEOUT_MS = 2_000;
/** Nobody knows it. That this is said is all that is asked for. */
const METHOD = "sottovoce.alive";

export type Caller = Pick<LocalParticipant, "performRpc">;

/**
 * Whether the process of the participant `identity` still runs.
 *
 * One that was killed does not leave, and LiveKit's server takes a quarter of a minute to notice.
 */
export async function isAlive(caller: Caller, identity: string): Promise<boolean> {
  return await caller
    .performRpc({
      destinationIdentity: identity,
      method: METHOD,
      payload: "",
      responseTimeout: ANSWER_TIMEOUT_MS,
    })
    .then(() => true, hasAnswered);
}

const hasAnswered = (error: unknown): boolean =>
  error instanceof RpcError && error.code === RpcError.ErrorCode.UNSUPPORTED_METHOD;
