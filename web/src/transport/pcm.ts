/** Audio on the Realtime WebSocket: 24 kHz mono, 16 bit little-endian, in base64. */
export const WIRE_RATE_HZ = 24_000;

export function encodePcm(samples: Float32Array): Int16Array<ArrayBuffer> {
  const pcm = new Int16Array(samples.length);
  for (let index = 0; index < samples.length; index++) {
    const sample = Math.max(-1, Math.min(1, samples[index] ?? 0));
    pcm[index] = Math.round(sample < 0 ? sample * 0x8000 : sample * 0x7fff);
  }
  return pcm;
}

export function decodePcm(pcm: Int16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(pcm, (sample) => sample / 0x8000);
}

export function toBase64(pcm: Int16Array<ArrayBuffer>): string {
  return btoa(String.fromCharCode(...new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength)));
}

/** An odd byte at the end is no whole sample and is left out. Throws on what is no base64. */
export function fromBase64(source: string): Int16Array<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(source), (character) => character.charCodeAt(0));
  return new Int16Array(bytes.buffer, 0, bytes.length >> 1);
}
