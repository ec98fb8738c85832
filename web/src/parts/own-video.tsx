/** The own camera, mirrored as people know themselves. */
import { useEffect, useRef } from "preact/hooks";

export function OwnVideo({ track, label }: { readonly track: MediaStreamTrack; readonly label: string }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = new MediaStream([track]);
  }, [track]);
  return <video class="own-video" ref={video} autoplay playsInline muted aria-label={label} data-testid="own-video" />;
}
