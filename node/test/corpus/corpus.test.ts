/** All parsers of the forwarding core over what real browsers send (browser-packets.json, made by capture.mjs). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { DependencyDescriptor } from "../../src/sfu/dependency-descriptor.ts";
import {
  type CodecName,
  EXTENSION_AUDIO_LEVEL,
  EXTENSION_DEPENDENCY,
  EXTENSION_MID,
  EXTENSION_REPAIRED_RID,
  EXTENSION_RID,
  EXTENSION_TRANSPORT_SEQUENCE,
  ExtensionTable,
  RtpView,
} from "../../src/sfu/index.ts";
import { PayloadInfo } from "../../src/sfu/keyframe.ts";
import { RedLayout } from "../../src/sfu/red.ts";
import {
  EXTENDED_REPORT,
  GOODBYE,
  PAYLOAD_FEEDBACK,
  RECEIVER_REPORT,
  RtcpCursor,
  SENDER_REPORT,
  SOURCE_DESCRIPTION,
  TRANSPORT_FEEDBACK,
} from "../../src/sfu/rtcp.ts";
import { TransportFeedback } from "../../src/sfu/twcc-reader.ts";
import type { CorpusLine, CorpusSession } from "./capture-calls.ts";

const file = join(import.meta.dirname, "browser-packets.json");
const sessions = JSON.parse(readFileSync(file, "utf8")) as readonly CorpusSession[];
/** Longer than any packet was: what a payload lacks is zeros. */
const ROOM_BYTES = 1_500;
/** As capture-calls.ts cuts them. */
const KEPT_PAYLOAD_BYTES = 40;
const STAP_A = 24;
const NACK = 1;
const TRANSPORT_WIDE = 15;
const KNOWN_RTCP: readonly number[] = [
  SENDER_REPORT,
  RECEIVER_REPORT,
  SOURCE_DESCRIPTION,
  TRANSPORT_FEEDBACK,
  PAYLOAD_FEEDBACK,
  GOODBYE,
  EXTENDED_REPORT,
];

function tableOf({ extensions: ids }: CorpusLine): ExtensionTable {
  return new ExtensionTable()
    .set(ids.mid, EXTENSION_MID)
    .set(ids.rid, EXTENSION_RID)
    .set(ids.repairedRid, EXTENSION_REPAIRED_RID)
    .set(ids.transportSequence, EXTENSION_TRANSPORT_SEQUENCE)
    .set(ids.audioLevel, EXTENSION_AUDIO_LEVEL)
    .set(ids.dependencyDescriptor, EXTENSION_DEPENDENCY);
}

const use = (line: CorpusLine, payloadType: number): "media" | "rtx" | "red" | undefined => {
  if (payloadType === line.payloadType) return "media";
  if (payloadType === line.rtxPayloadType) return "rtx";
  return payloadType === line.redPayloadType ? "red" : undefined;
};

interface Facts {
  readonly rids: Set<string>;
  readonly kinds: Set<string>;
  readonly sizes: Set<string>;
  readonly layers: Set<string>;
  levels: number;
  copies: number;
}

/** Reads a packet as the plane does; what it has learnt goes to `facts`. Returns what is wrong with it. */
class Reader {
  readonly #line: CorpusLine;
  readonly #table: ExtensionTable;
  readonly #view = new RtpView();
  readonly #info = new PayloadInfo();
  readonly #red = new RedLayout();
  readonly #descriptors = new Map<number, DependencyDescriptor>();
  readonly facts: Facts = {
    rids: new Set(),
    kinds: new Set(),
    sizes: new Set(),
    layers: new Set(),
    levels: 0,
    copies: 0,
  };

  constructor(line: CorpusLine) {
    this.#line = line;
    this.#table = tableOf(line);
  }

  read(packet: Uint8Array, length: number): string | undefined {
    const view = this.#view;
    const { facts } = this;
    const malformed = view.parse(packet, 0, length, this.#table);
    if (malformed !== undefined) return malformed;
    const kind = use(this.#line, view.payloadType);
    if (kind === undefined) return "another line";
    if (view.transportSeq < 0 && this.#line.extensions.transportSequence !== undefined) return "not numbered";
    facts.kinds.add(kind);
    if (view.ridLength > 0) facts.rids.add(view.rid());
    if (view.repairedRidLength > 0) facts.rids.add(view.repairedRid());
    if (view.audioLevel >= 0) facts.levels++;
    // Only a stump of the payload is here, so its padding cannot be measured.
    if (view.hasPadding || kind === "rtx") return undefined;
    if (kind === "red") return this.#readRed(view);
    return this.#readMedia(view);
  }

  #readRed(view: RtpView): string | undefined {
    if (!this.#red.read(view, this.#line.payloadType)) return "bad redundancy";
    this.facts.copies += this.#red.copyCount;
    return undefined;
  }

  #readMedia(view: RtpView): string | undefined {
    const info = this.#info;
    const { facts } = this;
    // An aggregate names the lengths of its units, which the stump of a long one does not have.
    const aggregate = this.#line.codec === "H264" && ((view.bytes[view.payloadOffset] ?? 0) & 31) === STAP_A;
    if (aggregate && view.payloadLength === KEPT_PAYLOAD_BYTES) return undefined;
    if (!info.read(this.#line.codec as CodecName, view)) return "bad payload";
    if (view.dependencyLength > 0) {
      const descriptor = this.#descriptors.get(view.ssrc) ?? new DependencyDescriptor();
      this.#descriptors.set(view.ssrc, descriptor);
      if (!descriptor.read(view.bytes, view.dependencyStart, view.dependencyLength)) return "bad descriptor";
      info.describe(descriptor);
    }
    facts.layers.add(`${info.spatialId}.${info.temporalId}`);
    if (info.startsKeyframe && info.width > 0) facts.sizes.add(`${info.width}x${info.height}`);
    return undefined;
  }
}

function padded(packet: Uint8Array): Uint8Array {
  const room = new Uint8Array(ROOM_BYTES);
  room.set(packet);
  return room;
}

const DAMAGED_BYTES = 120;

/** With each of the first bytes changed, and cut before it. */
function* damages(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < Math.min(bytes.length, DAMAGED_BYTES); at++) {
    const damaged = Uint8Array.from(bytes);
    damaged[at] = (damaged[at] as number) ^ 0xff;
    yield damaged;
    yield bytes.subarray(0, at);
  }
}

const bytesOf = (packets: readonly string[]): Buffer[] => packets.map((packet) => Buffer.from(packet, "base64"));

describe.each(sessions.map((session) => [`${session.browser}, ${session.name}`, session] as const))(
  "%s",
  (_, session) => {
    // A redundant packet says how long its blocks are, so it gets its length again.
    const isRed = (packet: Buffer) => session.lines.some((line) => use(line, packet.readUInt8(1) & 127) === "red");
    const rtp = bytesOf(session.rtp).map((packet) => (isRed(packet) ? padded(packet) : packet));
    const rtcp = bytesOf(session.rtcp);

    test("every packet belongs to a line and is read whole", () => {
      const readers = session.lines.map((line) => new Reader(line));
      for (const packet of rtp) {
        const answers = readers.map((reader) => reader.read(packet, packet.length));
        expect(answers.filter((answer) => answer !== "another line")).toEqual([undefined]);
      }
      const factsOf = (kind: "audio" | "video") =>
        session.lines.flatMap((line, i) =>
          (line.codec === "opus") === (kind === "audio") ? [{ line, facts: (readers[i] as Reader).facts }] : [],
        );
      for (const { facts } of factsOf("audio")) {
        expect(facts.levels).toBeGreaterThan(0);
        if (session.name.includes("redundant")) expect(facts.copies).toBeGreaterThan(5);
      }
      for (const { line, facts } of factsOf("video")) {
        expect(facts.kinds).toEqual(new Set(["media", "rtx"]));
        expect([...facts.rids].sort()).toEqual(line.layers[0] === "" ? [] : [...line.layers].sort());
        expect(facts.sizes.size).toBeGreaterThanOrEqual(1);
        if (session.name.includes("L3T3")) {
          expect([...facts.layers]).toEqual(expect.arrayContaining(["0.0", "1.0", "0.1", "0.2"]));
        }
      }
    });

    test("every compound is read, and what it tells of our packets can be used", () => {
      const cursor = new RtcpCursor();
      const feedback = new TransportFeedback();
      const seen = new Set<string>();
      let acked = 0;
      for (const compound of rtcp) {
        expect(cursor.open(compound)).toBe(true);
        while (cursor.next()) {
          expect(KNOWN_RTCP).toContain(cursor.type);
          seen.add(`${cursor.type}`);
          if (cursor.type === TRANSPORT_FEEDBACK) seen.add(`${cursor.type}/${cursor.count}`);
          if (cursor.type !== TRANSPORT_FEEDBACK || cursor.count !== TRANSPORT_WIDE) continue;
          expect(feedback.read(cursor, feedback.reference)).toBe(true);
          acked += feedback.ackedCount;
        }
      }
      expect([...seen]).toEqual(
        expect.arrayContaining([
          `${SENDER_REPORT}`,
          `${TRANSPORT_FEEDBACK}/${NACK}`,
          `${TRANSPORT_FEEDBACK}/${TRANSPORT_WIDE}`,
        ]),
      );
      expect(acked).toBeGreaterThan(20);
    });

    test("[L1] cut short or with any byte changed it is read or refused, never more", () => {
      const readers = session.lines.map((line) => new Reader(line));
      for (const bytes of rtp.flatMap((packet) => [...damages(packet)])) {
        for (const reader of readers) reader.read(bytes, bytes.length);
      }
      const cursor = new RtcpCursor();
      const feedback = new TransportFeedback();
      for (const bytes of rtcp.flatMap((compound) => [...damages(compound)])) {
        const whole = cursor.open(bytes);
        while (whole && cursor.next()) if (cursor.type === TRANSPORT_FEEDBACK) feedback.read(cursor, -1);
      }
    });
  },
);
