import { request } from "node:http";
import { expect, test } from "@jest/globals";
import { fastClock, TestMesh } from "./harness.ts";

test("[M19] a request that does not arrive is cut off after its time, a socket and an upload are not", async () => {
  // Half a minute takes a second.
  const mesh = new TestMesh({ clock: fastClock(30) });
  try {
    const node = await mesh.start("ada");
    const { token } = await mesh.user(node, "owner");
    await mesh.room(node, token, { slug: "club" });
    const inside = await mesh.enter(node, { token, slug: "club" });
    inside.client.keepAlive(50);

    const begin = (path: string, type: string) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": type, "content-length": "200" };
      const sent = request(`${node.app.url}${path}`, { method: "POST", headers });
      const ended = new Promise<string>((resolve) => {
        sent.on("error", (error: NodeJS.ErrnoException) => resolve(String(error.code)));
        sent.on("response", (response) => resolve(String(response.statusCode)));
      });
      return { sent, ended };
    };
    const slow = begin("/v1/rooms/club/messages", "application/json");
    slow.sent.write('{"text":');
    const upload = begin("/v1/rooms/club/files", "multipart/form-data; boundary=b");
    const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n';
    const tail = "\r\n--b--\r\n";
    upload.sent.write(head);
    expect(await slow.ended).toBe("ECONNRESET");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    upload.sent.end("x".repeat(200 - head.length - tail.length) + tail);
    expect(await upload.ended).toBe("201");
    expect(await inside.client.request({ type: "leave" })).toMatchObject({ type: "ok" });
  } finally {
    await mesh.stop();
  }
}, 30_000);
