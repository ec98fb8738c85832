import { expect, test } from "@jest/globals";
import { FakeMediaPlane } from "../fakes/fake-media-plane.ts";
import { call, TestMesh } from "./harness.ts";

test("a node is not ready while a media worker is down, and ready again when it is back", async () => {
  let isUp = true;
  const media = Object.assign(new FakeMediaPlane("ada"), { isUp: () => isUp });
  const mesh = new TestMesh();
  try {
    const node = await mesh.start("ada", { parts: { media } });
    const ready = async () => await call<{ readonly checks: object }>(node, "GET", "/readyz");
    expect(await ready()).toMatchObject({ status: 200, body: { checks: { media: true } } });
    isUp = false;
    expect(await ready()).toMatchObject({ status: 503, body: { checks: { media: false, archive: true } } });
    isUp = true;
    expect((await ready()).status).toBe(200);
  } finally {
    await mesh.stop();
  }
});
