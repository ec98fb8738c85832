import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { simulatedAead } from "../../sim/aead.ts";
import { aliveOf, seq } from "../../test/harness.ts";
import { seededRandom } from "../random.ts";
import { lamportTime, nodeName } from "../types.ts";
import { encodeMessage } from "../wire/encode-message.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import { Keyring } from "../wire/keyring.ts";
import type { WireMessage } from "../wire/messages.ts";
import { assemblePacket, decodePacket, type PacketOptions } from "../wire/packet.ts";
import { PacketReader } from "./packet-reader.ts";

const KEY = new Uint8Array(16).fill(3);
const intent = (time: number): WireMessage => ({
  kind: "user",
  payload: encodeSerf({ kind: "join", lamportTime: lamportTime(time), node: nodeName("p1") }),
});
const MESSAGES: readonly WireMessage[] = [
  aliveOf(1),
  aliveOf(2),
  intent(1),
  intent(2),
  { kind: "ping", seqNo: seq(1), node: nodeName("x") },
  { kind: "nack", seqNo: seq(9) },
  { kind: "user", payload: Uint8Array.of(3, 1) },
];

interface Outcome {
  readonly messages: WireMessage[];
  readonly dropped: string[];
}

function read(reader: PacketReader, packet: Uint8Array, repeatable = false): Outcome {
  const outcome: Outcome = { messages: [], dropped: [] };
  reader.read(packet, {
    handle: (message) => {
      outcome.messages.push(message);
      return repeatable;
    },
    dropped: (reason) => {
      outcome.dropped.push(reason);
    },
  });
  return outcome;
}

function twin(packet: Uint8Array, options: PacketOptions): Outcome {
  const decoded = decodePacket(packet, options);
  if (!decoded.ok) return { messages: [], dropped: [decoded.reason] };
  return { messages: [...decoded.messages], dropped: [...decoded.dropped] };
}

const keyringOf = (isKeyed: boolean): Keyring | undefined =>
  isKeyed ? new Keyring(simulatedAead(seededRandom(1)), [KEY]) : undefined;

test("whatever arrives is read as decodePacket reads it, also when it is damaged", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(MESSAGES.length - 1), { minLength: 1, maxLength: 8 }),
      fc.record({ crc: fc.boolean(), compress: fc.boolean(), isKeyed: fc.boolean() }),
      fc.option(fc.record({ place: fc.nat(), value: fc.nat(255), cut: fc.nat(40) })),
      (indices, { crc, compress, isKeyed }, damage) => {
        const keyring = keyringOf(isKeyed);
        const keyed = keyring === undefined ? {} : { keyring };
        const encoded = indices.map((index) => encodeMessage(MESSAGES[index] as WireMessage));
        let packet = assemblePacket(encoded, { crc, compress, ...keyed })[0] as Uint8Array;
        if (damage !== null) {
          packet = packet.slice(0, Math.max(1, packet.length - damage.cut));
          packet[damage.place % packet.length] = damage.value;
        }
        const outcome = read(new PacketReader(keyring === undefined ? {} : { keyring }, seededRandom(2)), packet);
        const expected = twin(packet, keyed);
        expect(outcome.messages).toEqual(expected.messages);
        expect(outcome.dropped.length > 0).toBe(expected.dropped.length > 0);
      },
    ),
    { seed: 15, numRuns: 1_000 },
  );
});

test("[M27] what can change nothing is passed over when it is heard again, until somebody departs", () => {
  const reader = new PacketReader({}, seededRandom(2));
  const packet = assemblePacket(MESSAGES.map(encodeMessage))[0] as Uint8Array;
  expect(read(reader, packet, true).messages).toHaveLength(MESSAGES.length);
  expect(read(reader, packet, true).messages.map((message) => message.kind)).toEqual(["ping", "nack", "user"]);
  expect(reader.repeated).toBe(4);
  reader.forgetRepeats();
  expect(read(reader, packet, false).messages).toHaveLength(MESSAGES.length);
  expect(read(reader, packet, false).messages).toHaveLength(MESSAGES.length);
});
