import { expect, test } from "@jest/globals";
import { SlotStates } from "./slot-states.ts";

const VP8 = { name: "VP8", clockRateHz: 90_000 } as const;
const H264 = { name: "H264", clockRateHz: 90_000 } as const;

function setUp() {
  const said: string[] = [];
  const states = new SlotStates(({ peerId, mid, trackId, state }) => said.push(`${peerId} ${mid} ${trackId} ${state}`));
  return { said, states, heard: () => said.splice(0) };
}

test("[G24] a track that the client cannot decode is said to be of an unsupported codec, whichever is known first", () => {
  const { states, heard } = setUp();
  states.setSlots("ann", [{ mid: "3", codecs: ["VP8", "VP9"] }]);
  states.setTracks("early source", [{ trackId: "early", codec: H264 }]);
  states.assign({ peerId: "ann", mid: "3", trackId: "early" });
  expect(heard()).toEqual(["ann 3 early unsupportedCodec"]);
  states.assign({ peerId: "ann", mid: "3", trackId: "late" });
  expect(heard()).toEqual([]);
  states.setTracks("late source", [{ trackId: "late", codec: H264 }]);
  states.setTracks("late source", [{ trackId: "late", codec: H264 }]);
  expect(heard()).toEqual(["ann 3 late unsupportedCodec"]);
});

test("[G24] H264 of a profile that the client does not decode is of an unsupported codec", () => {
  const { states, heard } = setUp();
  states.setSlots("ann", [{ mid: "3", codecs: ["VP8", "H264"], h264Profiles: ["", "main"] }]);
  states.setSlots("bob", [{ mid: "3", codecs: ["VP8", "H264"] }]);
  states.setTracks("cam source", [{ trackId: "cam", codec: { ...H264, profile: "main" } }]);
  for (const peerId of ["ann", "bob"]) states.assign({ peerId, mid: "3", trackId: "cam" });
  expect(heard()).toEqual(["bob 3 cam unsupportedCodec"]);
  states.setTracks("cam source", [{ trackId: "cam", codec: H264 }]);
  expect(heard()).toEqual(["bob 3 cam live"]);
});

test("[G24] it is live again when the publisher changes its codec or the client learns to decode it", () => {
  const { states, heard } = setUp();
  states.setSlots("ann", [{ mid: "3", codecs: ["VP8"] }]);
  states.setTracks("cam source", [{ trackId: "cam", codec: H264 }]);
  states.assign({ peerId: "ann", mid: "3", trackId: "cam" });
  states.setTracks("cam source", [{ trackId: "cam", codec: VP8 }]);
  states.setTracks("cam source", [{ trackId: "cam", codec: H264 }]);
  states.setSlots("ann", [{ mid: "3", codecs: ["VP8", "H264"] }]);
  expect(heard()).toEqual([
    "ann 3 cam unsupportedCodec",
    "ann 3 cam live",
    "ann 3 cam unsupportedCodec",
    "ann 3 cam live",
  ]);
});

test("[G24] a slot that the link has no room for is paused, until it has or another track is there", () => {
  const { states, heard } = setUp();
  states.setSlots("ann", [{ mid: "3", codecs: ["VP8"] }]);
  states.setTracks("cam source", [{ trackId: "cam", codec: VP8 }]);
  states.assign({ peerId: "ann", mid: "3", trackId: "cam" });
  states.setPaused({ peerId: "ann", mid: "3", paused: true });
  states.setPaused({ peerId: "ann", mid: "3", paused: true });
  states.setPaused({ peerId: "ann", mid: "3", paused: false });
  states.setPaused({ peerId: "ann", mid: "3", paused: true });
  states.assign({ peerId: "ann", mid: "3", trackId: "screen" });
  expect(heard()).toEqual(["ann 3 cam paused", "ann 3 cam live", "ann 3 cam paused"]);
});

test("[G24] nothing is said of empty slots, of slots that are gone, and of people who left", () => {
  const { states, heard } = setUp();
  states.setSlots("ann", [{ mid: "3", codecs: ["VP8"] }, { mid: "4" }]);
  states.setPaused({ peerId: "ann", mid: "3", paused: true });
  states.assign({ peerId: "ann", mid: "4", trackId: "cam" });
  states.setSlots("ann", [{ mid: "3", codecs: ["VP8"] }]);
  states.assign({ peerId: "ann", mid: "3", trackId: "cam" });
  states.removePeer("ann");
  states.setTracks("cam source", [{ trackId: "cam", codec: H264 }]);
  states.setPaused({ peerId: "bob", mid: "3", paused: true });
  states.assign({ peerId: "bob", mid: "3", trackId: "cam" });
  expect(heard()).toEqual([]);
});

test("a track is known until the last of its sources ends, so the table is as long after many visits as before", () => {
  const { states, heard } = setUp();
  states.setSlots("ann", [{ mid: "3", codecs: ["VP8"] }]);
  states.setTracks("ann", [{ trackId: "own", codec: VP8 }]);
  for (let visit = 0; visit < 1_000; visit++) {
    const [cam, screen] = [`cam ${visit}`, `screen ${visit}`];
    states.setSlots("bob", []);
    states.setTracks("bob", [
      { trackId: cam, codec: VP8 },
      { trackId: screen, codec: VP8 },
    ]);
    // The screen is not shown any more, the camera comes over a trunk in two layers as well.
    states.setTracks("bob", [{ trackId: cam, codec: H264 }]);
    for (const layer of ["low", "high"]) states.setTracks(layer, [{ trackId: cam, codec: H264 }]);
    states.setTracks("high", []);
    states.removePeer("bob");
    states.assign({ peerId: "ann", mid: "3", trackId: cam });
    expect(heard()).toEqual([`ann 3 ${cam} unsupportedCodec`]);
    states.setTracks("low", []);
  }
  expect(states.trackCount).toBe(1);
});
