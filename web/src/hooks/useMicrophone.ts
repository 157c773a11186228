import { useCallback, useEffect, useState } from "react";
import { MicrophoneError, type MicrophoneProblem, openMicrophone, stopStream } from "../audio/microphone";

export type SoundDevices = { microphones: MediaDeviceInfo[]; speakers: MediaDeviceInfo[] };

const noDevices: SoundDevices = { microphones: [], speakers: [] };

/** Devices have names, and ids worth storing, only once the user has let the page hear one. */
async function listDevices(): Promise<SoundDevices> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const named = devices.filter(({ deviceId }) => deviceId !== "" && deviceId !== "default");
  return {
    microphones: named.filter(({ kind }) => kind === "audioinput"),
    speakers: named.filter(({ kind }) => kind === "audiooutput"),
  };
}

export type MicrophoneCheck = {
  devices: SoundDevices;
  stream: MediaStream | null;
  problem: MicrophoneProblem | null;
  check(deviceId: string | null): Promise<void>;
  stop(): void;
};

/** Devices to choose from, and a microphone opened only to see whether it hears. `inUse`: the session's own. */
export function useMicrophone(inUse: MediaStream | null): MicrophoneCheck {
  const [devices, setDevices] = useState(noDevices);
  const [preview, setPreview] = useState<MediaStream | null>(null);
  const [problem, setProblem] = useState<MicrophoneProblem | null>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: names appear once a microphone is open
  useEffect(() => {
    const refresh = async (): Promise<void> => setDevices(await listDevices());
    void refresh();
    navigator.mediaDevices?.addEventListener("devicechange", refresh);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", refresh);
  }, [preview, inUse]);

  useEffect(() => () => stopStream(preview), [preview]);
  const stop = useCallback(() => setPreview(null), []);
  useEffect(() => {
    if (inUse) stop();
  }, [inUse, stop]);

  const isInUse = inUse !== null;
  const check = useCallback(
    async (deviceId: string | null) => {
      if (isInUse) return; // the session changes its own
      try {
        setPreview(await openMicrophone(deviceId));
        setProblem(null);
      } catch (error) {
        if (!(error instanceof MicrophoneError)) throw error;
        setProblem(error.problem);
      }
    },
    [isInUse],
  );

  return { devices, stream: inUse ?? preview, problem, check, stop };
}
