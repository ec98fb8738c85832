import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { FakeTrack, installFakeMedia } from "../test/fakes/fake-media.ts";
import { person } from "../test/fakes/fake-mesh.ts";
import type { TrackInfo } from "./protocol/messages.ts";
import { Roster } from "./roster.ts";

let uninstall: () => void;
beforeEach(() => {
  uninstall = installFakeMedia();
});
afterEach(() => uninstall());

const camera = (trackId: string, muted = false): TrackInfo => ({ trackId, kind: "video", source: "camera", muted });

function setUp() {
  const log: string[] = [];
  const roster = new Roster({
    joined: ({ participantId }) => log.push(`joined ${participantId}`),
    updated: ({ participantId }) => log.push(`updated ${participantId}`),
    left: ({ participantId }, reason) => log.push(`left ${participantId} ${reason}`),
    subscribed: (_participant, { trackId }) => log.push(`+${trackId}`),
    unsubscribed: (_participant, { trackId }) => log.push(`-${trackId}`),
  });
  const lines = new Map(["0", "1"].map((mid) => [mid, new FakeTrack("video").asTrack()]));
  const slot = (mid: string, trackId?: string) => ({ mid, kind: "video" as const, ...(trackId ? { trackId } : {}) });
  const show = (...slots: ReturnType<typeof slot>[]): void => {
    roster.setSlots(slots);
    roster.remap((mid) => lines.get(mid));
  };
  return { roster, log, lines, slot, show };
}

test("a track has media while a slot carries it, and its elements follow", () => {
  const { roster, log, lines, slot, show } = setUp();
  roster.reset([person("ann", [camera("ca")])]);
  const track = roster.people.get("ann")?.track("camera");
  const element = { srcObject: null as MediaProvider | null };
  const detach = track?.attach(element);
  expect(element.srcObject).toBeNull();
  show(slot("0", "ca"));
  expect((element.srcObject as unknown as MediaStream).getTracks()).toEqual([lines.get("0")]);
  show(slot("0"), slot("1", "ca"));
  expect((element.srcObject as unknown as MediaStream).getTracks()).toEqual([lines.get("1")]);
  detach?.();
  expect(element.srcObject).toBeNull();
  expect(log).toEqual(["joined ann", "+ca", "+ca"]);
});

test("a slot that changes hands leaves the first track before the second gets it", () => {
  const { roster, log, slot, show } = setUp();
  roster.reset([person("ann", [camera("ca")]), person("bob", [camera("cb")])]);
  show(slot("0", "ca"));
  show(slot("0", "cb"));
  expect(log.slice(2)).toEqual(["+ca", "-ca", "+cb"]);
});

test("slots may speak of lines that the browser does not have yet", () => {
  const { roster, log, lines, slot, show } = setUp();
  roster.reset([person("ann", [camera("ca")])]);
  show(slot("7", "ca"));
  expect(log).toEqual(["joined ann"]);
  roster.remap(() => lines.get("0"));
  expect(log).toEqual(["joined ann", "+ca"]);
});

test("muting keeps the track and its element; unpublishing takes both away", () => {
  const { roster, log, slot, show } = setUp();
  roster.reset([person("ann", [camera("ca")])]);
  show(slot("0", "ca"));
  roster.upsert(person("ann", [camera("ca", true)]));
  expect(roster.people.get("ann")?.track("camera")?.muted).toBe(true);
  roster.upsert(person("ann"));
  expect(roster.people.get("ann")?.track("camera")).toBeUndefined();
  expect(log).toEqual(["joined ann", "+ca", "updated ann", "-ca", "updated ann"]);
});

test("a new join is the truth: who is missing has left, who stays is the same object", () => {
  const { roster, log } = setUp();
  roster.reset([person("ann"), person("bob")]);
  const ann = roster.people.get("ann");
  roster.reset([person("ann"), person("cyd")]);
  expect(roster.people.get("ann")).toBe(ann);
  expect(log).toEqual(["joined ann", "joined bob", "left bob timeout", "updated ann", "joined cyd"]);
});

test("leaving twice, or by somebody unknown, changes nothing", () => {
  const { roster, log } = setUp();
  roster.reset([person("ann")]);
  roster.leave("ann", "left");
  roster.leave("ann", "timeout");
  roster.leave("zoe", "left");
  expect(log).toEqual(["joined ann", "left ann left"]);
});
