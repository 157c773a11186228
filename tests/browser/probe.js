// Listens at the page's <audio> element: window.probe.level is what is heard now, .loudest the most since it was set to 0.
window.probe = { level: 0, loudest: 0 };
{
  let stream = null;
  let analyser = null;
  const samples = new Float32Array(1024);
  const follow = (element) => {
    stream = element.srcObject;
    const context = new AudioContext();
    analyser = context.createAnalyser();
    analyser.fftSize = samples.length;
    context.createMediaStreamSource(stream).connect(analyser);
  };
  setInterval(() => {
    const element = document.querySelector("audio");
    if (!element?.srcObject?.getAudioTracks().length) return;
    if (element.srcObject !== stream) follow(element);
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
    const isHeard = !element.muted && !element.paused && element.volume > 0;
    window.probe.level = isHeard ? rms : 0;
    window.probe.loudest = Math.max(window.probe.loudest, window.probe.level);
  }, 20);
}
