import { expect, test } from "@jest/globals";
import type { TrackSource, Unsequenced } from "#protocol";
import type { Entry } from "./entry.ts";
import { Room } from "./room.ts";

interface Recorded {
  readonly room: Room;
  readonly told: { readonly to: string; readonly message: Unsequenced }[];
  readonly placed: string[];
}

function recorded(): Recorded {
  const told: { readonly to: string; readonly message: Unsequenced }[] = [];
  const placed: string[] = [];
  const room = new Room(
    { roomId: "r", self: "me" },
    {
      notify: (to, message) => told.push({ to, message }),
      place: (sessionId, { mid, trackId }) => placed.push(`${sessionId} ${mid} ${trackId}`),
      localChanged: () => undefined,
      tracksChanged: () => undefined,
      levelsSettled: () => undefined,
      superseded: () => undefined,
    },
  );
  return { room, told, placed };
}

const KINDS = { microphone: "audio", camera: "video", screen: "video", screenAudio: "audio" } as const;

function entry(person: string, joinedAtMs: number, sources: readonly TrackSource[], muted = false): Entry {
  return {
    ...{ participantId: `p-${person}`, userId: `u-${person}`, displayName: person, role: "member", state: "active" },
    ...{ claim: { generation: 1, sessionId: `s-${person}`, epoch: 1 }, joinedAtMs },
    tracks: sources.map((source) => {
      const codec = { name: "VP8" as const, clockRateHz: 90_000 };
      return { trackId: `${person}-${source}`, kind: KINDS[source], source, codec, layers: [""], muted };
    }),
  };
}

const slots = (audio: number, video: number) => [
  ...Array.from({ length: audio }, (_, i) => ({ mid: `a${i}`, kind: "audio" as const })),
  ...Array.from({ length: video }, (_, i) => ({ mid: `v${i}`, kind: "video" as const })),
];

function listen(room: Room, person: string, audio: number, video: number): void {
  room.addListener(`s-${person}`, `p-${person}`);
  room.setSlots(`s-${person}`, slots(audio, video), { fresh: true });
  room.refresh();
}

test("[P8] without a view everybody is seen in the order in which they came, screens first, and never oneself", () => {
  const { room, placed } = recorded();
  room.putLocal(entry("late", 30, ["camera"]));
  room.putLocal(entry("me", 10, ["camera", "screen"]));
  room.putLocal(entry("early", 20, ["camera", "screen"]));
  listen(room, "me", 0, 5);
  expect(placed).toEqual(["s-me v0 early-screen", "s-me v1 early-camera", "s-me v2 late-camera"]);
});

test("[P8] muted tracks take no slot, and come back when they sound again", () => {
  const { room, placed } = recorded();
  room.putLocal(entry("me", 10, []));
  room.putLocal(entry("bob", 20, ["microphone", "camera"], true));
  listen(room, "me", 3, 3);
  expect(placed).toEqual([]);
  room.putLocal(entry("bob", 20, ["microphone", "camera"]));
  expect(placed).toEqual(["s-me a0 bob-microphone", "s-me v0 bob-camera"]);
});

test("[P21] speakers are the loudest microphones, told when that changes", () => {
  const { room, told } = recorded();
  for (const [i, person] of ["a", "b", "c"].entries()) room.putLocal(entry(person, i, ["microphone", "screenAudio"]));
  room.addListener("s-a", "p-a");
  room.hear(
    "me",
    [
      { trackId: "a-microphone", level: 40 },
      { trackId: "b-microphone", level: 20 },
    ],
    1_000,
  );
  room.hear(
    "me",
    [
      { trackId: "c-screenAudio", level: 1 },
      { trackId: "c-microphone", level: 90 },
    ],
    1_050,
  );
  room.handleTimeout(room.deadlineMs());
  const speakers = told.flatMap(({ message }) => (message.type === "speakers" ? [message.speakers] : []));
  expect(speakers[0]).toEqual([
    { participantId: "p-b", level: 20 },
    { participantId: "p-a", level: 40 },
  ]);
  expect(speakers).toHaveLength(1);
});

test("[P21] a muted speaker and one who fell silent are speakers no more, and then the room rests", () => {
  const { room, told } = recorded();
  room.putLocal(entry("a", 0, ["microphone"]));
  room.addListener("s-x", "p-x");
  room.hear("me", [{ trackId: "a-microphone", level: 20 }], 0);
  room.hear("me", [{ trackId: "a-microphone", level: 127 }], 100);
  for (let i = 0; i < 100 && room.deadlineMs() < Number.POSITIVE_INFINITY; i += 1)
    room.handleTimeout(room.deadlineMs());
  expect(room.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  expect(told.at(-1)?.message).toEqual({ type: "speakers", speakers: [] });
});

test("[P22] levels for tracks that are not the sender's are ignored", () => {
  const { room, told } = recorded();
  room.putLocal(entry("a", 0, ["microphone"]));
  room.addListener("s-x", "p-x");
  room.apply("x", { boot: "b", version: 1, participants: [entry("bob", 5, ["microphone"])], departures: [] });
  told.length = 0;
  room.hear(
    "x",
    [
      { trackId: "a-microphone", level: 1 },
      { trackId: "unknown", level: 1 },
    ],
    0,
  );
  room.hear("me", [{ trackId: "bob-microphone", level: 1 }], 300);
  room.handleTimeout(1_000);
  expect(told).toEqual([]);
  expect(room.loudestLocal()).toEqual([]);
});

test("[P1] a louder newcomer takes one audio slot and leaves the others alone", () => {
  const { room, placed } = recorded();
  const people = ["a", "b", "c", "d"];
  for (const [i, person] of people.entries()) room.putLocal(entry(person, i, ["microphone"]));
  room.addListener("s-x", "p-x");
  room.setSlots("s-x", slots(3, 0), { fresh: true });
  room.hear(
    "me",
    people.slice(0, 3).map((p, i) => ({ trackId: `${p}-microphone`, level: 30 + i })),
    0,
  );
  room.refresh();
  expect(placed).toHaveLength(3);
  placed.length = 0;
  room.hear("me", [{ trackId: "d-microphone", level: 10 }], 1_000);
  room.handleTimeout(1_200);
  expect(placed).toHaveLength(1);
  expect(placed[0]).toMatch(/^s-x a\d d-microphone$/);
});
