// Every probe that was tried on the stock agent, tried on our core: it must react alike, answer where it answered, and stay
// silent where it was silent.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { createGossip } from "../src/gossip.ts";
import { seededRandom } from "../src/random.ts";
import type { GossipSink, StreamOutput } from "../src/sink.ts";
import { type Endpoint, streamId } from "../src/types.ts";
import type { WireMessage } from "../src/wire/messages.ts";
import { decodePacket } from "../src/wire/packet.ts";
import { StreamDecoder } from "../src/wire/stream-framing.ts";

interface Probe {
  readonly id: string;
  readonly kind: string;
  readonly source: string;
  readonly hex: string;
  readonly reaction: string;
  readonly reply?: readonly { readonly afterMs: number; readonly hex: string }[];
}

const { vectors } = JSON.parse(readFileSync(new URL("vectors/wire.json", import.meta.url), "utf8")) as {
  readonly vectors: readonly Probe[];
};
const probes = (kind: string): Probe[] => vectors.filter((vector) => vector.kind === kind);
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const STRANGER: Endpoint = { host: "127.77.0.99", port: 7946 };

/** A member named as the agent was, that knows nobody, and what it sent. */
function lone() {
  const packets: { readonly to: Endpoint; readonly bytes: Uint8Array }[] = [];
  const outputs: StreamOutput[] = [];
  const drops: string[] = [];
  const sink: GossipSink = {
    packet: (to, bytes) => packets.push({ to, bytes }),
    stream: (_, output) => outputs.push(output),
    event: () => undefined,
    dropped: (reason) => drops.push(reason),
  };
  const advertise = { host: "127.77.0.11", port: 7946 };
  const core = createGossip({ name: "a", advertise, compress: false }, sink, seededRandom(1));
  core.start(0);
  return { core, packets, outputs, drops };
}

/** What answers a probe; rumours that ride along are not the point. */
function answersIn(bytes: Uint8Array): WireMessage[] {
  const packet = decodePacket(bytes);
  if (!packet.ok) throw new Error(packet.reason);
  return packet.messages.filter(({ kind }) => kind === "ack" || kind === "nack" || kind === "ping");
}

const withoutNumbers = (message: WireMessage): object =>
  message.kind === "ping" ? { ...message, seqNo: "its own" } : message;

describe("packets", () => {
  test.each(probes("udp-probe"))("$id: $reaction", ({ hex, source, reply }) => {
    const { core, packets, drops } = lone();
    core.handlePacket(STRANGER, bytesOf(hex), 10);
    for (let nowMs = core.deadlineMs(); nowMs < 700; nowMs = core.deadlineMs()) core.handleTimeout(nowMs);

    const expected = (reply ?? []).flatMap((one) => answersIn(bytesOf(one.hex)));
    // What went to a third party was not seen by who probed the agent.
    const answers = packets.filter(({ to }) => to.port === STRANGER.port).flatMap(({ bytes }) => answersIn(bytes));
    expect(answers.map(withoutNumbers)).toEqual(expected.map(withoutNumbers));
    for (const { to } of packets) expect(to.host).toMatch(/^127\.77\.0\./);
    if (source === "rejected") expect(drops).toHaveLength(1);
    expect(core.members()).toHaveLength(1);
  });
});

describe("streams", () => {
  test.each(probes("tcp-probe"))("$id: $reaction", ({ id, hex }) => {
    const { core, outputs } = lone();
    const stream = streamId(2);
    core.handleStream(stream, { kind: "opened", from: STRANGER }, 10);
    for (const byte of bytesOf(hex)) core.handleStream(stream, { kind: "data", bytes: Uint8Array.of(byte) }, 11);

    const written = outputs.flatMap((output) => (output.kind === "write" ? [...output.bytes] : []));
    const step = new StreamDecoder().push(Uint8Array.from(written));
    expect(outputs.at(-1)?.kind).toMatch(/^(end|reset)$/);
    if (id.includes("ping")) {
      expect(step).toMatchObject({ kind: "message", message: { kind: "ack", payload: new Uint8Array(0) } });
    } else {
      expect(step).toMatchObject({ kind: "message", message: { kind: "pushPull", nodes: [{ node: "a" }] } });
    }
    // The record with versions that nobody speaks is not merged, although the reply went out before.
    expect(core.members().length).toBe(id === "probe-tcp-pushpull" ? 2 : 1);
  });
});
