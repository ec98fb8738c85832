import { createHash, randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import type { FileInfo, GalleryPage } from "#protocol";
import { type Answer, call, expectStatus, TestMesh, type TestNode, until } from "./harness.ts";

export async function upload<T = FileInfo>(
  node: TestNode,
  path: string,
  input: {
    readonly token?: string;
    readonly bytes: Uint8Array<ArrayBuffer> | string;
    readonly name?: string;
    readonly type?: string;
  },
): Promise<Answer<T>> {
  const form = new FormData();
  form.append("file", new Blob([input.bytes], { type: input.type ?? "application/x-anything" }), input.name ?? "a.bin");
  const headers = input.token === undefined ? {} : { authorization: `Bearer ${input.token}` };
  const response = await fetch(`${node.app.url}${path}`, { method: "POST", body: form, headers });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer<T>["body"] };
}

async function photo(): Promise<Uint8Array<ArrayBuffer>> {
  const exif = { IFD0: { Make: "Camera" }, IFD3: { GPSLatitudeRef: "N", GPSLatitude: "52/1 22/1 0/1" } };
  const plain = sharp({ create: { width: 900, height: 300, channels: 3, background: "red" } });
  return new Uint8Array(await plain.withExif(exif).jpeg().toBuffer());
}

describe("files of a room", () => {
  const mesh = new TestMesh();
  let ada: TestNode;
  let bell: TestNode;
  let owner: string;
  let member: string;
  let stranger: string;
  const files = "/v1/rooms/album/files";
  const get = (node: TestNode, path: string, token: string, headers: Record<string, string> = {}) =>
    fetch(`${node.app.url}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } });

  beforeAll(async () => {
    ada = await mesh.start("ada", { config: { fileMegabytes: 1, roomMegabytes: 4 } });
    bell = await mesh.start("bell", { config: { fileMegabytes: 1, roomMegabytes: 4 } });
    owner = (await mesh.user(ada, "owner")).token;
    member = (await mesh.guest(ada, "Jo")).token;
    stranger = (await mesh.user(ada, "stranger")).token;
    for (const slug of ["album", "small", "swept"]) await mesh.room(ada, owner, { slug });
    const jo = await mesh.enter(ada, { token: member, slug: "album" });
    jo.client.keepAlive(500);
  });
  afterAll(() => mesh.stop());

  test("[M10] a photo is put in on one node and seen on another, without the place where it was taken", async () => {
    const info = expectStatus(
      201,
      await upload(ada, `${files}?caption=our%20garden`, {
        token: member,
        bytes: await photo(),
        name: "../IMG_1.JPEG",
      }),
    );
    expect(info).toMatchObject({
      name: "IMG_1.jpeg",
      type: "image/jpeg",
      width: 900,
      height: 300,
      hasPreview: true,
      cleaned: true,
      uploaderName: "Jo",
      caption: "our garden",
    });
    const whole = await get(bell, `/v1/files/${info.fileId}`, owner);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect([bytes.length, createHash("sha256").update(bytes).digest("hex")]).toEqual([info.bytes, info.sha256]);
    expect((await sharp(bytes).metadata()).exif).toBeUndefined();
    expect(whole.headers.get("content-disposition")).toBe(`inline; filename="IMG_1.jpeg"; filename*=UTF-8''IMG_1.jpeg`);
    expect(whole.headers.get("content-security-policy")).toContain("sandbox");
    expect(whole.headers.get("x-content-type-options")).toBe("nosniff");
    const preview = await get(bell, `/v1/files/${info.fileId}/preview`, member);
    expect(preview.headers.get("content-type")).toBe("image/webp");
    expect((await sharp(Buffer.from(await preview.arrayBuffer())).metadata()).width).toBe(480);
    const same = await get(bell, `/v1/files/${info.fileId}`, owner, {
      "if-none-match": whole.headers.get("etag") ?? "",
    });
    expect([same.status, (await same.arrayBuffer()).byteLength]).toEqual([304, 0]);
  });

  test("[M11] a file comes in ranges, and what a browser could run is only ever downloaded", async () => {
    const text = "<html><script>alert(1)</script></html>";
    const info = expectStatus(
      201,
      await upload(ada, files, { token: owner, bytes: text, name: "“x”.html", type: "text/html" }),
    );
    expect([info.type, info.name]).toEqual(["application/octet-stream", "“x”.bin"]);
    const whole = await get(ada, `/v1/files/${info.fileId}`, owner);
    expect(whole.headers.get("content-type")).toBe("application/octet-stream");
    expect(whole.headers.get("content-disposition")).toBe(
      `attachment; filename="_x_.bin"; filename*=UTF-8''%E2%80%9Cx%E2%80%9D.bin`,
    );
    const part = await get(ada, `/v1/files/${info.fileId}`, owner, { range: "bytes=6-13" });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([
      206,
      `bytes 6-13/${text.length}`,
      text.slice(6, 14),
    ]);
    const beyond = await get(ada, `/v1/files/${info.fileId}`, owner, { range: "bytes=99-" });
    expect([beyond.status, ((await beyond.json()) as { code: string }).code]).toEqual([416, "range_not_satisfiable"]);
    const stale = await get(ada, `/v1/files/${info.fileId}`, owner, { range: "bytes=6-13", "if-range": '"other"' });
    expect(stale.status).toBe(200);
    await stale.arrayBuffer();
  });

  test("[M12] the gallery is paged, newest first; a file goes when its bringer or a moderator says so", async () => {
    const mine = expectStatus(201, await upload(ada, files, { token: member, bytes: "one" }));
    const theirs = expectStatus(201, await upload(ada, files, { token: owner, bytes: "two" }));
    const page = expectStatus(
      200,
      await call<GalleryPage>(bell, "GET", "/v1/rooms/album/gallery?limit=1", { token: owner }),
    );
    expect([page.files[0]?.fileId, page.nextCursor]).toEqual([theirs.fileId, theirs.fileId]);
    const next = await call<GalleryPage>(bell, "GET", `/v1/rooms/album/gallery?limit=1&before=${page.nextCursor}`, {
      token: owner,
    });
    expect(next.body.files[0]?.fileId).toBe(mine.fileId);

    expect((await call(bell, "DELETE", `/v1/files/${theirs.fileId}`, { token: member })).body.code).toBe("not_allowed");
    for (const [token, fileId] of [
      [member, mine.fileId],
      [owner, theirs.fileId],
    ] as const) {
      expect((await call(bell, "DELETE", `/v1/files/${fileId}`, { token })).status).toBe(200);
      expect((await call(ada, "GET", `/v1/files/${fileId}`, { token: owner })).body.code).toBe("unknown_file");
      expect((await call(ada, "DELETE", `/v1/files/${fileId}`, { token: owner })).body.code).toBe("unknown_file");
    }
  });

  test("[M13] a room's files have a bound, which uploads at once cannot pass together", async () => {
    const bytes = new Uint8Array(randomBytes(900_000));
    const uploads = Array.from({ length: 8 }, () => upload(ada, "/v1/rooms/small/files", { token: owner, bytes }));
    const answers = await Promise.all(uploads);
    const kept = answers.filter((answer) => answer.status === 201).length;
    expect(kept).toBeLessThanOrEqual(4);
    for (const answer of answers.filter(({ status }) => status !== 201))
      expect([answer.status, answer.body.code]).toEqual([409, "storage_full"]);
    const { body } = await call<GalleryPage>(ada, "GET", "/v1/rooms/small/gallery", { token: owner });
    expect([body.files.length, body.usedBytes]).toEqual([kept, kept * 900_000]);
  });

  test("[M14] an upload that breaks off leaves nothing behind", async () => {
    const folder = join(mesh.dataDir, "files");
    const contents = (): number =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).length;
    const before = contents();
    const request = httpRequest(`${ada.app.url}/v1/rooms/swept/files`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${owner}`,
        "content-type": "multipart/form-data; boundary=b",
        "content-length": "500000",
      },
    });
    request.on("error", () => undefined);
    request.write('--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n');
    request.write(Buffer.alloc(200_000, 1));
    await until("the bytes to come in", () => contents() > before);
    request.destroy();
    await until("the bytes to go again", () => contents() === before);
    const { body } = await call<GalleryPage>(ada, "GET", "/v1/rooms/swept/gallery", { token: owner });
    expect(body.files).toEqual([]);
  });

  test("[M15] a square picture is made for a profile, and only its maker removes it", async () => {
    const made = await upload<{ pictureId: string }>(ada, "/v1/pictures", { token: owner, bytes: await photo() });
    const { pictureId } = expectStatus(201, made);
    const shown = await fetch(`${bell.app.url}/v1/pictures/${pictureId}`);
    const { width, height } = await sharp(Buffer.from(await shown.arrayBuffer())).metadata();
    expect([width, height, shown.headers.get("cache-control")]).toEqual([
      256,
      256,
      "public, max-age=31536000, immutable",
    ]);
    expect((await call(ada, "DELETE", `/v1/pictures/${pictureId}`, { token: stranger })).body.code).toBe("not_allowed");
    expect((await call(ada, "DELETE", `/v1/pictures/${pictureId}`, { token: owner })).status).toBe(200);
    expect((await fetch(`${bell.app.url}/v1/pictures/${pictureId}`)).status).toBe(404);
  });

  const bomb = (): Promise<Uint8Array<ArrayBuffer>> =>
    sharp({ create: { width: 9_000, height: 9_000, channels: 3, background: "black" } })
      .png({ compressionLevel: 9 })
      .toBuffer()
      .then((bytes) => new Uint8Array(bytes));

  test.each([
    ["a file that is too large", files, async () => new Uint8Array(1_100_000), "owner", 413, "too_large"],
    ["a picture bomb", files, bomb, "owner", 422, "bad_picture"],
    ["a picture cut off", files, async () => (await photo()).slice(0, 700), "owner", 422, "bad_picture"],
    [
      "a picture with a place that cannot be removed",
      files,
      async () => new Uint8Array(Buffer.from("\0\0\0\x1cftypheic\0\0\0\0")),
      "owner",
      422,
      "picture_format",
    ],
    ["a stranger's file", files, async () => new Uint8Array(5), "stranger", 403, "not_member"],
    ["a file without a token", files, async () => new Uint8Array(5), undefined, 401, "unauthenticated"],
    ["a file for no room", "/v1/rooms/nowhere/files", async () => new Uint8Array(5), "owner", 404, "unknown_room"],
    [
      "a caption of control characters",
      `${files}?caption=%07`,
      async () => new Uint8Array(5),
      "owner",
      400,
      "invalid_input",
    ],
    ["text as a profile picture", "/v1/pictures", async () => new Uint8Array(5), "owner", 422, "bad_picture"],
    [
      "a file where JSON belongs",
      "/v1/rooms/album/messages",
      async () => new Uint8Array(5),
      "owner",
      415,
      "unsupported_media_type",
    ],
  ] as const)("[M16] %s is refused with its code and leaves nothing behind", async (...row) => {
    const [, path, bytes, who, status, code] = row;
    const tokens = { owner, stranger };
    const before = await call<GalleryPage>(ada, "GET", "/v1/rooms/album/gallery", { token: owner });
    const answer = await upload(ada, path, {
      bytes: await bytes(),
      ...(who === undefined ? {} : { token: tokens[who] }),
    });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    const after = await call<GalleryPage>(ada, "GET", "/v1/rooms/album/gallery", { token: owner });
    expect(after.body).toEqual(before.body);
  });

  const form = (text: string, type = "multipart/form-data; boundary=b") => ({
    raw: text,
    headers: { "content-type": type },
  });
  const file = '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nhello\r\n';
  test.each([
    ["JSON instead of a form", { body: { file: "x" } }, 415, "unsupported_media_type"],
    ["no body", {}, 415, "unsupported_media_type"],
    ["a form without a boundary", form(file, "multipart/form-data"), 400, "invalid_input"],
    ["a form that is none", form("hello"), 400, "invalid_input"],
    ["an empty form", form("--b--\r\n"), 400, "invalid_input"],
    ["a form that ends in the file", form(file.slice(0, -4)), 400, "invalid_input"],
    ["two files", form(`${file}${file}--b--\r\n`), 400, "invalid_input"],
    [
      "a field called __proto__",
      form(`--b\r\ncontent-disposition: form-data; name="__proto__"\r\n\r\nx\r\n${file}--b--\r\n`),
      400,
      "invalid_input",
    ],
  ] as const)("[M17] %s is refused with its code", async (_, options, status, code) => {
    const answer = await call(ada, "POST", "/v1/rooms/swept/files", { token: owner, ...options });
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    const { body } = await call<GalleryPage>(ada, "GET", "/v1/rooms/swept/gallery", { token: owner });
    expect(body.files).toEqual([]);
  });

  test.each([
    "..%2f..%2fhearsay.sqlite",
    "%2e%2e",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "a".repeat(200),
    "01ARZ3NDEKTSV4RRFFQ69G5FAV-p",
    "%00",
  ])("[M18] the file id %s leads nowhere", async (id) => {
    for (const path of [`/v1/files/${id}`, `/v1/files/${id}/preview`, `/v1/pictures/${id}`]) {
      const answer = await call(ada, "GET", path, { token: owner });
      expect([answer.status, answer.body.code === "unknown_file" || answer.body.code === "not_found"]).toEqual([
        404,
        true,
      ]);
    }
  });

  test("[M18] a stranger does not learn which files exist", async () => {
    const info = expectStatus(201, await upload(ada, files, { token: owner, bytes: "secret" }));
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/preview"],
      ["DELETE", ""],
    ] as const) {
      const answer = await call(ada, method, `/v1/files/${info.fileId}${path}`, { token: stranger });
      expect([answer.status, answer.body.code]).toEqual([404, "unknown_file"]);
    }
    expect((await call(ada, "GET", `/v1/files/${info.fileId}`)).body.code).toBe("unauthenticated");
  });
});
