export type MicrophoneProblem = "blocked" | "missing" | "busy" | "insecure";

export class MicrophoneError extends Error {
  override readonly name = "MicrophoneError";
  constructor(
    readonly problem: MicrophoneProblem,
    cause?: unknown,
  ) {
    super(`microphone ${problem}`, { cause });
  }
}

/** Throws `MicrophoneError`. An unknown `deviceId` (unplugged since it was chosen) means the system's default. */
export async function openMicrophone(deviceId: string | null): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw new MicrophoneError("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        echoCancellation: true, // or the assistant hears itself and is interrupted by its own voice
        noiseSuppression: true,
        autoGainControl: true,
        channelCount: 1,
        ...(deviceId ? { deviceId: { ideal: deviceId } } : {}),
      },
    });
  } catch (error) {
    throw new MicrophoneError(problemOf(error), error);
  }
}

/** By the names that the specification of getUserMedia gives its errors. */
function problemOf(error: unknown): MicrophoneProblem {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  if (name === "NotAllowedError" || name === "SecurityError") return "blocked";
  return "busy";
}

export function stopStream(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
