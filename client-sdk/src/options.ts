/** Options of the SDK: meaning, unit, default. Everything of the platform can be replaced, so tests need no browser. */
import { HearsayError } from "./errors.ts";
import { type Random, RECONNECT_DEFAULTS, type ReconnectPolicy } from "./reconnect-policy.ts";
import type { VideoCodec } from "./send-layers.ts";

/** The part of WebSocket that the SDK uses. */
export interface SocketLike {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
}
export type SocketConstructor = new (url: string) => SocketLike;

/** The part of Web Storage that the SDK uses. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Something to call later; returns how to call it off. */
export type Schedule = (work: () => void, delayMs: number) => () => void;

export interface HearsayOptions {
  /** Base URL of any node, "https://node.example". */
  readonly url: string;
  /** User token of register, login or guest. Can be set later by those. */
  readonly token?: string;
  /** Default: the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  readonly WebSocket?: SocketConstructor;
  readonly RTCPeerConnection?: typeof globalThis.RTCPeerConnection;
  readonly mediaDevices?: MediaDevices;
  /** Keeps the device id over page refreshes. Default: localStorage; without one every page is a new device. */
  readonly storage?: StorageLike;
  /** Gives [0, 1). Default: from the platform's cryptographic source. */
  readonly random?: Random;
  /** Monotonic milliseconds. Default: performance.now. */
  readonly nowMs?: () => number;
  /** Default: setTimeout. */
  readonly schedule?: Schedule;
  readonly reconnect?: Partial<ReconnectPolicy>;
  /** How long a single HTTP request may take. Default 10,000 ms. */
  readonly requestTimeoutMs?: number;
  /** How long the first entry into a room may take before join() rejects. Default 30,000 ms. */
  readonly joinTimeoutMs?: number;
  /** Nodes measured before a placement. Default 12, as the nodes' own placement expects. */
  readonly maxProbes?: number;
  /** Slots for video in the first offer; grown when the view needs more. Default 4. */
  readonly videoSlots?: number;
  /** Slots for video at most. Default 25. */
  readonly maxVideoSlots?: number;
  /** `red`: speech is sent and taken with redundancy where both sides can. Default true. Off with own encryption of frames. */
  readonly audio?: { readonly red?: boolean };
  /** Preferred for own video, where the platform has it. Default: the platform's choice (VP8 today). */
  readonly codec?: VideoCodec;
}

export interface ResolvedOptions
  extends Required<
    Omit<HearsayOptions, "token" | "codec" | "audio" | "mediaDevices" | "RTCPeerConnection" | "reconnect">
  > {
  readonly token: string | undefined;
  readonly codec: VideoCodec | undefined;
  readonly mediaDevices: MediaDevices | undefined;
  readonly RTCPeerConnection: typeof globalThis.RTCPeerConnection | undefined;
  readonly reconnect: ReconnectPolicy;
  readonly audio: { readonly red: boolean };
}

const DEFAULTS = {
  requestTimeoutMs: 10_000,
  joinTimeoutMs: 30_000,
  maxProbes: 12,
  videoSlots: 4,
  maxVideoSlots: 25,
} as const satisfies Partial<HearsayOptions>;

/** Slots for audio: the loudest three of the room (DESIGN: slots instead of renegotiation). */
export const AUDIO_SLOTS = 3;

function memoryStorage(): StorageLike {
  const values = new Map<string, string>();
  return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => void values.set(key, value) };
}

/** localStorage throws where cookies are forbidden. */
function platformStorage(): StorageLike {
  try {
    return globalThis.localStorage ?? memoryStorage();
  } catch (error) {
    if (error instanceof Error) return memoryStorage();
    throw error;
  }
}

function platformRandom(): number {
  return (globalThis.crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}

const platformSchedule: Schedule = (work, delayMs) => {
  const timer = setTimeout(work, delayMs);
  return () => clearTimeout(timer);
};

/** Throws HearsayError "invalid_argument" for options that contradict each other. */
export function resolveOptions(options: HearsayOptions): ResolvedOptions {
  const reconnect = { ...RECONNECT_DEFAULTS, ...options.reconnect };
  if (reconnect.maxDelayMs < reconnect.firstDelayMs)
    throw new HearsayError("invalid_argument", "reconnect.maxDelayMs must not be below reconnect.firstDelayMs.");
  const resolved: ResolvedOptions = {
    ...DEFAULTS,
    fetch: (input, init) => globalThis.fetch(input, init),
    WebSocket: globalThis.WebSocket as unknown as SocketConstructor,
    RTCPeerConnection: globalThis.RTCPeerConnection,
    mediaDevices: globalThis.navigator?.mediaDevices,
    storage: options.storage ?? platformStorage(),
    random: platformRandom,
    nowMs: () => performance.now(),
    schedule: platformSchedule,
    token: undefined,
    codec: undefined,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    url: baseUrl(options.url),
    reconnect,
    audio: { red: options.audio?.red ?? true },
  };
  if (resolved.maxVideoSlots < resolved.videoSlots)
    throw new HearsayError("invalid_argument", "maxVideoSlots must not be below videoSlots.");
  return Object.freeze(resolved);
}

/** An http(s) URL without a trailing slash. Throws HearsayError "invalid_argument". */
export function baseUrl(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new HearsayError("invalid_argument", "The URL of a node must start with http:// or https://.");
  return url.replace(/\/+$/, "");
}

export function socketUrl(url: string, path: string): string {
  return `${url.replace(/^http/, "ws")}${path}`;
}
