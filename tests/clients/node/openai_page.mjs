// npm `openai` in a browser: its WebRTC connection and its native WebSocket. `play(scenario, settings)` is for the test
// that opened the page; settings: `baseURL` and `secret` (ek_…).

import { Events } from './events.mjs';
import OpenAI from './openai/index.mjs';
import { OpenAIRealtimeWebRTC } from './openai/realtime/webrtc.mjs';
import { OpenAIRealtimeWebSocket } from './openai/realtime/websocket.mjs';

const question = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'what is twelve times seven' }] };

/** Ask in writing; what was answered, and which events came. */
async function ask(events, send) {
  await events.expect('session.created');
  send({ type: 'conversation.item.create', item: question });
  send({ type: 'response.create' });
  const { response } = await events.expect('response.done');
  return { status: response.status, words: response.output[0].content[0].transcript, types: events.all.map(({ type }) => type) };
}

async function webrtc({ baseURL, secret }) {
  const events = new Events();
  const connection = new OpenAIRealtimeWebRTC();
  connection.onEvent((event) => events.add(event));
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  connection.peerConnection.addTrack(microphone.getAudioTracks()[0]);
  const headers = { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/sdp' };
  await connection.connect({
    exchangeSdp: async (offer) => {
      const answer = await fetch(`${baseURL}/realtime/calls`, { method: 'POST', headers, body: offer });
      return answer.text();
    },
  });
  return ask(events, (event) => connection.send(event));
}

/** The key and the routing go as subprotocols here, for a browser can set no headers. */
async function websocket({ baseURL, secret }) {
  const events = new Events();
  const options = { organization: 'org_of_nobody', project: 'proj_of_nobody', dangerouslyAllowBrowser: true };
  const client = new OpenAI({ baseURL, apiKey: secret, ...options });
  const realtime = new OpenAIRealtimeWebSocket({ model: 'gpt-realtime' }, client);
  realtime.on('event', (event) => events.add(event));
  realtime.on('error', (error) => events.add({ type: 'error', error: error.message }));
  const answered = await ask(events, (event) => realtime.send(event));
  return { ...answered, protocol: realtime.socket.protocol };
}

window.play = (scenario, settings) => ({ webrtc, websocket })[scenario](settings);
document.title = 'Ready';
