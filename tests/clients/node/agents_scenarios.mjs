// @openai/agents-realtime, the same scenarios over WebSocket in Node and over WebRTC in a browser.
//
// `place` is where they are played: `lib` (the package), `transport` (for RealtimeSession), `connect(session)` and
// `mouth(session)`, whose `say()` speaks into that session's microphone and resolves when all was said.

import { Events, sunny, weather } from './events.mjs';

const question = 'what is twelve times seven';

export function agentsScenarios(place) {
  const { RealtimeAgent, RealtimeSession, tool } = place.lib;

  async function begin({ tools = [], config } = {}) {
    const agent = new RealtimeAgent({ name: 'Assistant', instructions: 'Be brief.', tools });
    const session = new RealtimeSession(agent, { transport: place.transport(), config });
    const talk = { session, events: new Events(), errors: [], interruptions: 0 };
    session.on('transport_event', (event) => talk.events.add(event));
    session.on('error', ({ error }) => talk.errors.push(error?.error?.message ?? error?.message ?? String(error)));
    session.on('audio_interrupted', () => talk.interruptions++);
    await place.connect(session);
    return talk;
  }

  /** What a test looks at; ends the session. */
  function ended(talk, more = {}) {
    const { session, events, errors, interruptions } = talk;
    const found = { history: session.history, usage: session.usage, events: events.all, errors, interruptions };
    session.close();
    return { ...found, ...more };
  }

  const done = async (talk) => (await talk.events.expect('response.done')).response;
  const speaking = (talk) => talk.events.expect('response.output_audio_transcript.delta');

  /** `done`, and what follows it has come too. */
  async function settled(talk) {
    const response = await done(talk);
    await talk.events.expect('rate_limits.updated');
    return response;
  }

  async function text() {
    const talk = await begin();
    talk.session.sendMessage(question);
    await settled(talk);
    return ended(talk);
  }

  async function spoken() {
    const talk = await begin();
    const mouth = await place.mouth(talk.session);
    mouth.say();
    await talk.events.expect('conversation.item.retrieved');
    const response = await done(talk);
    const heard = await place.heard(talk);
    mouth.stop();
    return ended(talk, { response, heard });
  }

  async function tools() {
    const asked = [];
    const execute = async (given) => {
      asked.push(given);
      return sunny;
    };
    const talk = await begin({ tools: [tool({ ...weather, strict: true, execute })] });
    talk.session.sendMessage('what is the weather in Paris');
    const called = await done(talk);
    await settled(talk);
    return ended(talk, { asked, called });
  }

  async function interruption() {
    const talk = await begin();
    const mouth = await place.mouth(talk.session);
    talk.session.sendMessage('count to forty');
    await speaking(talk);
    mouth.say();
    const cut = await done(talk);
    const next = await settled(talk);
    mouth.stop();
    return ended(talk, { cut, next });
  }

  /** The application's own stop button, and what can be asked after it. */
  async function stop() {
    const talk = await begin();
    talk.session.sendMessage('count to forty');
    await speaking(talk);
    talk.session.interrupt();
    const cut = await done(talk);
    talk.session.sendMessage(question);
    const next = await settled(talk);
    return ended(talk, { cut, next });
  }

  async function manual() {
    const talk = await begin({ config: { audio: { input: { turnDetection: null } } } });
    await place.sayAndCommit(talk.session);
    const { transcript } = await talk.events.expect('conversation.item.input_audio_transcription.completed');
    talk.session.transport.requestResponse();
    const response = await settled(talk);
    return ended(talk, { transcript, response });
  }

  /** An item is taken out and another rewritten in its place: delete and create under the same id. */
  async function history() {
    const talk = await begin();
    talk.session.sendMessage(question);
    await settled(talk);
    talk.session.sendMessage('tell me a joke');
    await settled(talk);
    const [first, second] = talk.session.history;
    talk.session.updateHistory((items) =>
      items
        .filter((item) => item.itemId !== second.itemId)
        .map((item) =>
          item.itemId === first.itemId ? { ...item, content: [{ type: 'input_text', text: 'hello' }] } : item,
        ),
    );
    for (const _ of [first, second]) await talk.events.expect('conversation.item.deleted');
    await talk.events.expect('conversation.item.done', (event) => event.item.id === first.itemId);
    return ended(talk, { first: first.itemId, second: second.itemId });
  }

  async function errors() {
    const talk = await begin();
    talk.session.transport.sendEvent({ type: 'input_audio_buffer.commit', event_id: 'vain' });
    const { error } = await talk.events.expect('error');
    talk.session.sendMessage(question); // the session goes on
    const response = await done(talk);
    const refused = await place.refusal(RealtimeAgent, RealtimeSession);
    return ended(talk, { error, response, refused });
  }

  return { text, spoken, tools, interruption, stop, manual, history, errors };
}
