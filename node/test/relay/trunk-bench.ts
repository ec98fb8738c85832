/** One trunk's session with a sink that notes what it was told; "a" towards "b" is the offerer. */
import { seededRandom } from "#gossip";
import type { TrackDescription, TrunkParameters } from "../../src/media/control.ts";
import type { WantedStream } from "../../src/relay/demand.ts";
import type { OpenBody, TrunkTopic, VersionRange } from "../../src/relay/trunk-messages.ts";
import { TrunkSession } from "../../src/relay/trunk-session.ts";

export const PARAMETERS: TrunkParameters = {
  ...{ ufrag: "u", pwd: "p", fingerprint: { algorithm: "sha-256", value: "00" } },
  candidates: [{ host: "127.0.0.1", port: 1, priority: 1 }],
};
export const TRACK: TrackDescription = {
  ...{ trackId: "k", kind: "audio", source: "microphone", layers: [""] },
  codec: { name: "opus", clockRateHz: 48_000 },
};
export const WANTED = new Map<string, WantedStream>([["one", { roomId: "r", track: TRACK, layer: "" }]]);
export const NOTHING = new Map<string, WantedStream>();
export const VERSIONS = { min: 1, max: 2 };

export interface Sent {
  readonly id: number;
  readonly topic: TrunkTopic;
  readonly body: object;
}
export interface Bench {
  readonly session: TrunkSession;
  readonly did: string[];
  readonly requests: Sent[];
  /** The last request about this topic. */
  last(topic: TrunkTopic): Sent;
}

/** `self` "a" towards "b" is the offerer, "b" towards "a" the answerer. */
export function bench(self: "a" | "b", versions?: VersionRange): Bench {
  const did: string[] = [];
  const requests: Sent[] = [];
  const options = { self, peer: self === "a" ? "b" : "a", random: seededRandom(1) };
  const session = new TrunkSession(versions === undefined ? options : { ...options, versions }, {
    create: () => did.push("create"),
    connect: () => did.push("connect"),
    destroy: () => did.push("destroy"),
    request: (id, topic, body) => requests.push({ id, topic, body }),
    allocate: (_, id) => did.push(`allocate ${id}`),
    release: (_, ssrc) => did.push(`release ${ssrc}`),
    send: (_, stream) => did.push(`send ${stream.ssrc}`),
    stopSending: (_, ssrc) => did.push(`stop ${ssrc}`),
    reportSilent: () => did.push("report"),
    wayFailed: (origin) => did.push(`no way to ${origin}`),
  });
  const last = (topic: TrunkTopic): Sent => {
    const found = requests.filter((request) => request.topic === topic).at(-1);
    if (found === undefined) throw new Error(`no ${topic}`);
    return found;
  };
  return { session, did, requests, last };
}

export function current({ session }: Bench): string {
  if (session.trunkId === undefined) throw new Error("no trunk");
  return session.trunkId;
}

export function connectedOfferer(wanted = WANTED, nowMs = 0): Bench {
  const made = bench("a");
  made.session.setWanted(wanted, nowMs);
  if (wanted.size === 0) made.session.handleAsk({ versions: VERSIONS, lost: null }, nowMs);
  made.session.handleCreated(current(made), PARAMETERS, nowMs);
  const answer = { version: 1, parameters: PARAMETERS };
  made.session.handleReply(made.last("trunk.offer").id, { ok: true, body: answer }, nowMs);
  made.session.handleTransport(current(made), "connected", nowMs);
  return made;
}

export function connectedAnswerer(nowMs = 0): Bench {
  const made = bench("b");
  made.session.handleOffer({ trunkId: "t1", versions: VERSIONS, parameters: PARAMETERS }, nowMs);
  made.session.handleAnswering("t1", true, nowMs);
  made.session.handleTransport("t1", "connected", nowMs);
  return made;
}

export function openBody(trunkId: string, change: Partial<OpenBody> = {}): OpenBody {
  return { trunkId, roomId: "r", trackId: "k", layer: "", ssrc: 10, rtxSsrc: 11, ...change };
}
