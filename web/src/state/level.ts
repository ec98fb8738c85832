/** How loud a microphone is, for the meter of the lobby. */

/** Calls `told` with 0 (silence) to 1 (loud) at every picture until the returned function is called. */
export function watchLevel(track: MediaStreamTrack, told: (level: number) => void): () => void {
  if (typeof AudioContext !== "function") return () => undefined;
  const context = new AudioContext();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let frame = 0;
  const measure = (): void => {
    analyser.getFloatTimeDomainData(samples);
    told(levelOf(samples));
    frame = requestAnimationFrame(measure);
  };
  frame = requestAnimationFrame(measure);
  // Some browsers keep a context asleep until the page was touched; the meter then wakes with it.
  const wake = (): void => void context.resume().catch(() => undefined);
  document.addEventListener("pointerdown", wake, { once: true });
  return () => {
    cancelAnimationFrame(frame);
    document.removeEventListener("pointerdown", wake);
    void context.close().catch(() => undefined);
  };
}

/** Root mean square on a scale of -60 dB to -10 dB. */
export function levelOf(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibel = 10 * Math.log10(sum / Math.max(1, samples.length) + 1e-9);
  return Math.min(1, Math.max(0, (decibel + 60) / 50));
}
