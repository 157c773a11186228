/** How long a receiver lately held sound back before it was played. */
export class JitterMeter {
  #last = { delay: 0, emitted: 0 };

  /** The mean since the last call, in milliseconds; null where nothing was played since. */
  async read(receiver: Pick<RTCRtpReceiver, "getStats">): Promise<number | null> {
    for (const report of (await receiver.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      const { delay, emitted } = this.#last;
      this.#last = { delay: report.jitterBufferDelay ?? 0, emitted: report.jitterBufferEmittedCount ?? 0 };
      const samples = this.#last.emitted - emitted;
      return samples > 0 ? ((this.#last.delay - delay) / samples) * 1000 : null;
    }
    return null;
  }
}
