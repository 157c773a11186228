import {
  getEmptyAudioStreamTrack,
  type LocalParticipant,
  type LocalTrackPublication,
  releaseEmptyAudioStreamTrack,
  Track,
} from "livekit-client";

export type MicrophonePublisher = {
  publishTrack(
    ...given: Parameters<LocalParticipant["publishTrack"]>
  ): Promise<{ track?: Pick<NonNullable<LocalTrackPublication["track"]>, "sender"> | undefined }>;
};

/**
 * The page's microphone in a room, over one publication for as long as the room lasts.
 *
 * What is published is silence, into whose place the microphone comes: LiveKit's client sets `enabled` of the
 * track that it publishes, and would open a microphone that the user has muted.
 */
export class RoomMicrophone {
  readonly #silence = getEmptyAudioStreamTrack();
  #sender: RTCRtpSender | undefined;

  async publish(participant: MicrophonePublisher): Promise<void> {
    const { track } = await participant.publishTrack(this.#silence, { source: Track.Source.Microphone });
    this.#sender = track?.sender;
  }

  async set(track: MediaStreamTrack | null): Promise<void> {
    await this.#sender?.replaceTrack(track ?? this.#silence);
  }

  close(): void {
    void releaseEmptyAudioStreamTrack(this.#silence);
  }
}
