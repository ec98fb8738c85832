// Whatever we encode decodes to the same value. Messages, streams and LZW have this beside their sources.

import { beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type DirectEnvelope,
  decodeEnvelope,
  encodeEnvelope,
  MAX_MESSAGE_LENGTH,
  MAX_TOPIC_LENGTH,
} from "../../src/direct/envelope.ts";
import { nodeName } from "../../src/types.ts";
import { decodeCoordinatePayload, decodeTags, encodeCoordinatePayload, encodeTags } from "../../src/wire/meta.ts";
import { announce, FUZZ_TIMEOUT_MS, runs } from "./settings.ts";

beforeAll(() => announce("round trips"));

const MAX_BODY_BYTES = 2_000;
const text = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: "binary", maxLength });
const node = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }).filter((name) => name.length <= 128);
const addressed = {
  session: fc.nat({ max: 0xffff_ffff }),
  id: fc.nat({ max: 0xffff_ffff }),
  from: node.map(nodeName),
  to: node.map(nodeName),
};
const body = fc.uint8Array({ maxLength: MAX_BODY_BYTES });

/** Their order is not kept. */
const asMap = (tags: Readonly<Record<string, string>>): Map<string, string> => new Map(Object.entries(tags));

const envelope: fc.Arbitrary<DirectEnvelope> = fc.oneof(
  fc.record({
    kind: fc.constant("request" as const),
    ...addressed,
    timeoutMs: fc.integer({ min: 1, max: 600_000 }),
    topic: text(MAX_TOPIC_LENGTH).filter((topic) => topic.length <= MAX_TOPIC_LENGTH),
    body,
  }),
  fc.record({ kind: fc.constant("answer" as const), ...addressed, body }),
  fc.record({
    kind: fc.constant("refusal" as const),
    ...addressed,
    code: text(30),
    message: text(MAX_MESSAGE_LENGTH).filter((message) => message.length <= MAX_MESSAGE_LENGTH),
  }),
  fc.record({ kind: fc.constant("rows" as const), ...addressed, isQuestion: fc.boolean(), body }),
  fc.record({ kind: fc.constant("busy" as const), ...addressed }),
);

test(
  "[D1] every direct message decodes to itself",
  () => {
    fc.assert(
      fc.property(envelope, (sent) => {
        expect(decodeEnvelope(encodeEnvelope(sent), MAX_BODY_BYTES)).toEqual({ ok: true, envelope: sent });
      }),
      runs(300),
    );
  },
  FUZZ_TIMEOUT_MS,
);

test(
  "[S12] tags that fit decode to themselves",
  () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme", maxLength: 20 }), text(30)), (tags) => {
        const encoded = encodeTags(tags);
        if (encoded !== undefined) expect(asMap(decodeTags(encoded))).toEqual(asMap(tags));
      }),
      runs(300),
    );
  },
  FUZZ_TIMEOUT_MS,
);

test(
  "[C1] every coordinate decodes to itself, to the last bit",
  () => {
    const number = fc.double({ noNaN: true });
    const coordinate = fc.record({
      vec: fc.array(number, { minLength: 8, maxLength: 8 }),
      error: number,
      adjustment: number,
      height: number,
    });
    fc.assert(
      fc.property(coordinate, (sent) => {
        expect(decodeCoordinatePayload(encodeCoordinatePayload(sent))).toEqual({ ok: true, coordinate: sent });
      }),
      runs(300),
    );
  },
  FUZZ_TIMEOUT_MS,
);
