import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  MAX_LOCAL_PARTICIPANTS,
  ROOM_REFUSALS,
  readRoomLevels,
  readRoomState,
  readRoomStateReply,
} from "./room-state.ts";

const track = {
  ...{ trackId: "t1", kind: "video", source: "camera", layers: ["q", "h"], muted: false },
  codec: { name: "VP8", clockRateHz: 90_000 },
};
const participant = {
  ...{ participantId: "p1", userId: "u1", displayName: "Ann", role: "member", state: "active", joinedAtMs: 1 },
  claim: { generation: 1, sessionId: "s1", epoch: 1 },
  tracks: [track],
};
const state = {
  boot: "b",
  version: 3,
  participants: [participant],
  departures: [{ participantId: "p2", reason: "left" }],
};
const body = { v: 1, roomId: "r", node: "x", state, have: { boot: "c", version: 9 } };

test("a right body is read as it is", () => {
  expect(readRoomState(body, "x")).toEqual({ ok: true, value: body });
  expect(readRoomState({ ...body, have: null }, "x")).toEqual({ ok: true, value: { ...body, have: null } });
  expect(readRoomStateReply({ known: true, state })).toEqual({ ok: true, value: { known: true, state } });
  expect(readRoomStateReply({ known: false })).toEqual({ ok: true, value: { known: false } });
  const levels = { roomId: "r", boot: "b", seq: 1, levels: [{ trackId: "t1", level: 30 }] };
  expect(readRoomLevels(levels)).toEqual({ ok: true, value: levels });
});

test("[P31] unknown fields are left behind at every depth", () => {
  const strange = {
    ...{ ...body, extra: 1 },
    state: {
      ...{ ...state, extra: 1 },
      participants: [
        {
          ...{ ...participant, extra: 1, claim: { ...participant.claim, extra: 1 } },
          tracks: [{ ...track, extra: 1, codec: { ...track.codec, extra: 1 } }],
        },
      ],
    },
    have: { ...body.have, extra: 1 },
  };
  expect(readRoomState(strange, "x")).toEqual({ ok: true, value: body });
});

const many = <T>(count: number, make: (i: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const withParticipant = (change: object): object => ({
  ...body,
  state: { ...state, participants: [{ ...participant, ...change }] },
});
const withTrack = (change: object): object => withParticipant({ tracks: [{ ...track, ...change }] });

test.each([
  ["no object", 7, "bad_shape"],
  ["nothing", undefined, "bad_shape"],
  ["an array", [body], "bad_shape"],
  ["another version", { ...body, v: 2 }, "bad_version"],
  ["another node's word", { ...body, node: "y" }, "foreign_node"],
  ["no room", { ...body, roomId: "" }, "bad_shape"],
  ["a room id without end", { ...body, roomId: "r".repeat(257) }, "bad_shape"],
  ["a negative version", { ...body, state: { ...state, version: -1 } }, "bad_shape"],
  ["a fractional version", { ...body, state: { ...state, version: 1.5 } }, "bad_shape"],
  ["a version of NaN", { ...body, state: { ...state, version: Number.NaN } }, "bad_shape"],
  ["no list", { ...body, state: { ...state, participants: { length: 1 } } }, "bad_shape"],
  ["a bad stamp", { ...body, have: { boot: 1, version: 1 } }, "bad_shape"],
  ["a role of its own", withParticipant({ role: "king" }), "bad_shape"],
  ["a state of its own", withParticipant({ state: "left" }), "bad_shape"],
  ["no claim", withParticipant({ claim: undefined }), "bad_shape"],
  ["a name without end", withParticipant({ displayName: "n".repeat(257) }), "bad_shape"],
  ["a time of infinity", withParticipant({ joinedAtMs: Number.POSITIVE_INFINITY }), "bad_shape"],
  ["too many tracks", withParticipant({ tracks: many(17, (i) => ({ ...track, trackId: `t${i}` })) }), "bad_shape"],
  ["a repeated track", withParticipant({ tracks: [track, track] }), "duplicate_id"],
  ["a codec of its own", withTrack({ codec: { name: "MP3", clockRateHz: 1 } }), "bad_shape"],
  ["a clock rate of zero", withTrack({ codec: { name: "VP8", clockRateHz: 0 } }), "bad_shape"],
  ["no layers", withTrack({ layers: [] }), "bad_shape"],
  ["repeated layers", withTrack({ layers: ["q", "q"] }), "bad_shape"],
  ["muted by word", withTrack({ muted: "yes" }), "bad_shape"],
  [
    "a repeated participant",
    { ...body, state: { ...state, participants: [participant, participant] } },
    "duplicate_id",
  ],
  [
    "too many participants",
    {
      ...body,
      state: {
        ...state,
        participants: many(MAX_LOCAL_PARTICIPANTS + 1, (i) => ({ ...participant, participantId: `p${i}`, tracks: [] })),
      },
    },
    "bad_shape",
  ],
  [
    "a reason of its own",
    { ...body, state: { ...state, departures: [{ participantId: "p", reason: "no" }] } },
    "bad_shape",
  ],
])("[P30] a room state with %s is refused", (_, strange, code) => {
  expect(readRoomState(strange, "x")).toEqual({ ok: false, code });
});

test.each([
  ["a level beyond silence", { roomId: "r", boot: "b", seq: 1, levels: [{ trackId: "t", level: 128 }] }],
  ["too many levels", { roomId: "r", boot: "b", seq: 1, levels: many(17, () => ({ trackId: "t", level: 1 })) }],
  ["no number", { roomId: "r", boot: "b", levels: [] }],
])("[P30] levels with %s are refused", (_, strange) => {
  expect(readRoomLevels(strange)).toEqual({ ok: false, code: "bad_shape" });
});

// Property: whatever arrives, it is read or refused with one of our codes.
test("[P30] any value is read or refused with a code", () => {
  fc.assert(
    fc.property(
      fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true, withTypedArray: true }),
      (value) => {
        for (const inner of [
          value,
          { ...body, state: value },
          { ...body, state: { ...state, participants: [value] } },
        ]) {
          for (const read of [readRoomState(inner, "x"), readRoomStateReply(inner), readRoomLevels(inner)])
            if (!read.ok) expect(ROOM_REFUSALS).toContain(read.code);
        }
      },
    ),
    { seed: 6, numRuns: 300 },
  );
});
