import { expect, test } from "@jest/globals";
import { FakeDevices, FakeTrack } from "../test/fakes/fake-media.ts";
import { LocalParticipant } from "./local-participant.ts";

function setUp() {
  const devices = new FakeDevices();
  const log: string[] = [];
  const local = new LocalParticipant(
    {
      published: ({ source, track }) => log.push(`published ${source}${track === null ? " without track" : ""}`),
      unpublished: (source) => log.push(`unpublished ${source}`),
      replaced: (source, track) => log.push(`replaced ${source} ${track === null ? "by nothing" : "by a track"}`),
      sayMuted: (trackId, muted) => log.push(`${trackId} ${muted ? "muted" : "unmuted"}`),
      changed: () => undefined,
      deviceLost: (source) => log.push(`lost ${source}`),
    },
    devices.asMediaDevices(),
  );
  return { devices, local, log };
}

test("muting a camera closes the device, unmuting opens it again on the same line", async () => {
  const { devices, local, log } = setUp();
  await local.publish("camera");
  local.named("camera", "c1");
  await local.setCamera(false);
  expect(devices.opened[0]?.stopped).toBe(true);
  expect(local.track("camera")).toMatchObject({ muted: true, mediaTrack: undefined });
  await local.setCamera(true);
  expect(devices.opened).toHaveLength(2);
  expect(log).toEqual([
    "published camera",
    "replaced camera by nothing",
    "c1 muted",
    "replaced camera by a track",
    "c1 unmuted",
  ]);
});

test("muting a microphone keeps it open but silent, so that unmuting is instant", async () => {
  const { devices, local, log } = setUp();
  await local.setMicrophone(true);
  local.named("microphone", "m1");
  await local.setMicrophone(false);
  expect(devices.opened[0]).toMatchObject({ stopped: false, enabled: false });
  await local.setMicrophone(true);
  expect(devices.opened).toHaveLength(1);
  expect(devices.opened[0]?.enabled).toBe(true);
  expect(log).toEqual(["published microphone", "m1 muted", "m1 unmuted"]);
});

test("a double click opens one device", async () => {
  const { devices, local } = setUp();
  await Promise.all([local.setCamera(true), local.setCamera(true)]);
  expect(devices.opened).toHaveLength(1);
});

test("a refused device publishes nothing and says why", async () => {
  const { devices, local, log } = setUp();
  devices.refuse = "NotAllowedError";
  await expect(local.publish("camera")).rejects.toMatchObject({ code: "device_denied" });
  devices.refuse = "NotReadableError";
  await expect(local.publish("camera")).rejects.toMatchObject({ code: "device_busy" });
  expect(log).toEqual([]);
  expect(local.tracks).toEqual([]);
});

test("a camera that cannot be opened again stays muted", async () => {
  const { devices, local } = setUp();
  await local.publish("camera");
  await local.setCamera(false);
  devices.refuse = "NotReadableError";
  await expect(local.setCamera(true)).rejects.toMatchObject({ code: "device_busy" });
  expect(local.isOn("camera")).toBe(false);
});

test("another device takes over the line; a muted one stays muted", async () => {
  const { devices, local, log } = setUp();
  await local.publish("microphone");
  await local.setMuted("microphone", true);
  await local.switchDevice("microphone", "usb");
  expect(devices.opened.map(({ deviceId, stopped, enabled }) => ({ deviceId, stopped, enabled }))).toEqual([
    { deviceId: "default", stopped: true, enabled: false },
    { deviceId: "usb", stopped: false, enabled: false },
  ]);
  expect(log).toEqual(["published microphone", "replaced microphone by a track"]);
});

test("a camera chosen while its device is closed is the one that opens", async () => {
  const { devices, local } = setUp();
  await local.publish("camera", { muted: true });
  await local.switchDevice("camera", "back");
  await local.setCamera(true);
  expect(devices.opened.map(({ deviceId }) => deviceId)).toEqual(["back"]);
});

test("an unplugged device is muted for the others and told", async () => {
  const { devices, local, log } = setUp();
  await local.publish("camera");
  local.named("camera", "c1");
  devices.opened[0]?.onended?.();
  expect(local.isOn("camera")).toBe(false);
  expect(log).toEqual(["published camera", "replaced camera by nothing", "c1 muted", "lost camera"]);
});

test("a track of the preview is published as it is", async () => {
  const { devices, local } = setUp();
  const track = new FakeTrack("video");
  await local.publish("camera", { track: track.asTrack() });
  expect(devices.opened).toEqual([]);
  expect(local.own()).toEqual([{ source: "camera", track, simulcast: true }]);
});

test("closing closes every device, also one that opens too late", async () => {
  const { devices, local } = setUp();
  await local.publish("microphone");
  const late = local.publish("camera");
  local.close();
  await expect(late).rejects.toMatchObject({ code: "closed" });
  expect(devices.opened.every(({ stopped }) => stopped)).toBe(true);
});
