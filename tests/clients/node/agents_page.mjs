// @openai/agents-realtime in a browser, over WebRTC or WebSocket. `play(scenario, settings)` is for the test that opened
// the page; settings: `transport`, its `url`, `secret` (ek_…), `speech` (URL of a recording), `hasMicrophone`.

import * as lib from './agents/openai-realtime-agents.mjs';
import { agentsScenarios } from './agents_scenarios.mjs';

/** A microphone that says a recording when it is asked to, and is still otherwise. */
class Voice {
  #context = new AudioContext();
  #output = this.#context.createMediaStreamDestination();

  get stream() {
    return this.#output.stream;
  }

  async load(url) {
    const recording = await fetch(url);
    this.samples = await this.#context.decodeAudioData(await recording.arrayBuffer());
  }

  say() {
    const source = new AudioBufferSourceNode(this.#context, { buffer: this.samples });
    source.connect(this.#output);
    source.start();
    return new Promise((resolve) => {
      source.onended = resolve;
    });
  }
}

/** How loud the session's loudspeaker has been so far, as a function. */
function listening(element) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context);
  new MediaStreamAudioSourceNode(context, { mediaStream: element.srcObject }).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  const listen = () => {
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, ...samples.map(Math.abs));
    requestAnimationFrame(listen);
  };
  listen();
  return () => loudest;
}

window.play = async (scenario, settings) => {
  const { url, secret } = settings;
  const isSocket = settings.transport === 'websocket';
  const voice = new Voice();
  await voice.load(settings.speech);
  const loudspeaker = document.createElement('audio');
  let loudness;
  const microphone = settings.hasMicrophone ? {} : { mediaStream: voice.stream };

  const scenarios = agentsScenarios({
    lib,
    transport: () => (isSocket ? 'websocket' : new lib.OpenAIRealtimeWebRTC({ audioElement: loudspeaker, ...microphone })),
    connect: async (session) => {
      await session.connect({ apiKey: secret, url });
      if (!isSocket) loudness = listening(loudspeaker);
    },
    mouth: async () => ({ say: settings.hasMicrophone ? () => {} : () => voice.say(), stop: () => {} }),
    sayAndCommit: async (session) => {
      await voice.say();
      session.transport.sendEvent({ type: 'input_audio_buffer.commit' });
    },
    heard: async (talk) => {
      await talk.events.expect('output_audio_buffer.stopped');
      return loudness();
    },
    refusal: async (RealtimeAgent, RealtimeSession) => {
      const transport = new lib.OpenAIRealtimeWebRTC({ mediaStream: voice.stream });
      const session = new RealtimeSession(new RealtimeAgent({ name: 'Stranger' }), { transport });
      session.on('error', () => {});
      return session.connect({ apiKey: 'ek_of_nobody', url }).then(
        () => null,
        (error) => error.message,
      );
    },
  });
  const { events, ...found } = await scenarios[scenario]();
  return { ...found, types: events.map((event) => event.type) };
};
document.title = 'Ready';
