// A front end made of LiveKit's own hooks and components, as its starters are: nothing here knows Sottovoce. The test bundles it,
// opens it, calls `start(settings)`, and reads `window.seen`. settings: `endpoint` (URL of the token endpoint), `isClassic` (LiveKitRoom
// with a token fetched by hand, where others have useSession and TokenSource), `hasMicrophone`.

import {
  BarVisualizer,
  LiveKitRoom,
  RoomAudioRenderer,
  SessionProvider,
  useAgent,
  useChat,
  useSession,
  useSessionMessages,
  useTranscriptions,
  useVoiceAssistant,
} from '@livekit/components-react';
import { TokenSource } from 'livekit-client';
import { useEffect, useMemo } from 'react';
import { createRoot } from 'react-dom/client';

const seen = { states: [], agentStates: [], transcriptions: [], messages: [], chat: [], segments: [], loudest: 0, errors: [] };
window.seen = seen;
const fail = (error) => seen.errors.push(String(error));

/** How loud a track is, from now on. */
function listen(track) {
  const context = new AudioContext();
  const analyser = new AnalyserNode(context);
  new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track.mediaStreamTrack]) }).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    seen.loudest = Math.max(seen.loudest, ...samples.map(Math.abs));
  }, 20);
  return () => {
    clearInterval(timer);
    context.close();
  };
}

/** What both kinds of page show. */
function Assistant() {
  const { agent, state, audioTrack, agentTranscriptions, agentAttributes } = useVoiceAssistant();
  const transcriptions = useTranscriptions();
  const { send, chatMessages } = useChat();
  const track = audioTrack?.publication?.track;
  useEffect(() => {
    if (seen.states.at(-1) !== state) seen.states.push(state);
  }, [state]);
  useEffect(() => (track ? listen(track) : undefined), [track]);
  useEffect(() => {
    window.send = (text) => send(text).catch(fail);
  }, [send]);
  seen.agent = agent && { identity: agent.identity, name: agent.name, kind: agent.kind, attributes: agentAttributes };
  seen.track = audioTrack && { sid: audioTrack.publication.trackSid, source: audioTrack.source };
  seen.segments = agentTranscriptions.map(({ text, final }) => ({ text, final }));
  seen.chat = chatMessages.map(({ message, from }) => ({ message, from: from?.identity }));
  seen.transcriptions = transcriptions.map(({ text, participantInfo, streamInfo }) => ({
    text,
    from: participantInfo.identity,
    attributes: streamInfo.attributes,
  }));
  return (
    <>
      <BarVisualizer state={state} track={audioTrack} barCount={5} />
      <RoomAudioRenderer />
    </>
  );
}

function WithSession({ settings }) {
  const tokens = useMemo(() => TokenSource.endpoint(settings.endpoint), [settings]);
  const session = useSession(tokens, { participantName: 'Somebody' });
  useEffect(() => {
    // the options are those of starters: with a microphone it is open, and recorded, before the room is
    const microphone = { enabled: settings.hasMicrophone, publishOptions: { preConnectBuffer: true } };
    session.start({ tracks: { microphone } }).then(() => (seen.isStarted = true), fail);
    window.leave = () => session.end();
  }, []);
  seen.identity = session.room.localParticipant.identity;
  return (
    <SessionProvider session={session}>
      <Messages />
      <Assistant />
    </SessionProvider>
  );
}

function Messages() {
  const agent = useAgent();
  const { messages } = useSessionMessages();
  useEffect(() => {
    if (seen.agentStates.at(-1) !== agent.state) seen.agentStates.push(agent.state);
  }, [agent.state]);
  seen.failures = agent.failureReasons;
  seen.messages = messages.map(({ type, message, from }) => ({ type, message, from: from?.identity }));
  return null;
}

function Classic({ settings, details }) {
  return (
    <LiveKitRoom
      serverUrl={details.serverUrl}
      token={details.participantToken}
      connect
      audio={settings.hasMicrophone}
      onConnected={() => (seen.isStarted = true)}
      onError={fail}
    >
      <Assistant />
    </LiveKitRoom>
  );
}

window.start = async (settings) => {
  const root = createRoot(document.getElementById('app'));
  if (!settings.isClassic) return root.render(<WithSession settings={settings} />);
  const reply = await fetch(settings.endpoint, { method: 'POST' });
  const details = await reply.json();
  seen.identity = details.participantIdentity ?? details.participantName;
  root.render(<Classic settings={settings} details={details} />);
};
document.title = 'Ready';
