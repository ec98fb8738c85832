import type { MediaKind, TrackSource } from "./protocol/messages.ts";

export const kindOf = (source: TrackSource): MediaKind =>
  source === "microphone" || source === "screenAudio" ? "audio" : "video";
