// What rooms keep, through whole nodes over a MongoDB-protocol server: files in GridFS, plans, bills, export and import.

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createConnection } from "mongoose";
import sharp from "sharp";
import type { Balances, FileInfo, GalleryPage, Happening, MessagePage } from "#protocol";
import { call, expectStatus, TestMesh, type TestNode } from "../app/harness.ts";
import { findServer, type ServerAddress } from "./servers.ts";

const server = findServer("MongoDB");

function registerKeepsakes(address: ServerAddress): void {
  describe("what rooms keep, over MongoDB", () => {
    const database = `keepsakes_${randomBytes(6).toString("hex")}`;
    const mongodbUrl = `mongodb://${address.host}:${address.port}/${database}?directConnection=true`;
    const mesh = new TestMesh();
    let ada: TestNode;
    let bell: TestNode;
    let owner: string;
    let ownerId: string;

    const send = async <T>(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<T> => {
      const form = new FormData();
      form.append("file", new Blob([bytes]), "a.bin");
      const headers = { authorization: `Bearer ${owner}` };
      const response = await fetch(`${ada.app.url}${path}`, { method: "POST", body: form, headers });
      const body = (await response.json()) as T;
      expect([200, 201]).toContain(response.status);
      return body;
    };
    const read = async (path: string, headers: Record<string, string> = {}): Promise<Buffer> => {
      const response = await fetch(`${bell.app.url}${path}`, {
        headers: { authorization: `Bearer ${owner}`, ...headers },
      });
      expect(response.status).toBeLessThan(300);
      return Buffer.from(await response.arrayBuffer());
    };

    beforeAll(async () => {
      ada = await mesh.start("ada", { config: { mongodbUrl } });
      bell = await mesh.start("bell", { config: { mongodbUrl } });
      const { token, user } = await mesh.user(ada, "owner");
      owner = token;
      ownerId = user.userId;
      for (const slug of ["attic", "copy"]) await mesh.room(ada, owner, { slug });
    });
    afterAll(async () => {
      await mesh.stop();
      const connection = createConnection(mongodbUrl);
      await connection.asPromise();
      await connection.dropDatabase();
      await connection.close();
    });

    test("[M10, M11] files go into GridFS on one node and come out of it, whole and in ranges, on another", async () => {
      const bytes = new Uint8Array(randomBytes(900_000));
      const info = await send<FileInfo>("/v1/rooms/attic/files", bytes);
      expect((await read(`/v1/files/${info.fileId}`)).equals(bytes)).toBe(true);
      const part = await read(`/v1/files/${info.fileId}`, { range: "bytes=300000-700000" });
      expect(part.equals(bytes.subarray(300_000, 700_001))).toBe(true);
      const photo = await sharp({ create: { width: 900, height: 300, channels: 3, background: "red" } })
        .jpeg()
        .toBuffer();
      const picture = await send<FileInfo>("/v1/rooms/attic/files", new Uint8Array(photo));
      expect((await sharp(await read(`/v1/files/${picture.fileId}/preview`)).metadata()).width).toBe(480);
      expectStatus(200, await call(bell, "DELETE", `/v1/files/${info.fileId}`, { token: owner }));
      const page = expectStatus(200, await call<GalleryPage>(ada, "GET", "/v1/rooms/attic/gallery", { token: owner }));
      expect(page.files.map(({ fileId }) => fileId)).toEqual([picture.fileId]);
      expect((await call(ada, "GET", `/v1/files/${info.fileId}`, { token: owner })).body.code).toBe("unknown_file");
    });

    test("[C10, B10, X2] plans and bills are kept, and the room is taken along into another", async () => {
      const plan = { title: "Dinner", startsAt: "2031-01-01T18:00", timeZone: "Europe/Amsterdam" };
      const path = "/v1/rooms/attic/happenings";
      const { happeningId } = expectStatus(201, await call<Happening>(ada, "POST", path, { token: owner, body: plan }));
      for (const reply of ["no", "yes"])
        expectStatus(200, await call(bell, "PUT", `${path}/${happeningId}/answer`, { token: owner, body: { reply } }));
      const expense = {
        title: "Soup",
        amountMinor: 100,
        currency: "EUR",
        payerId: ownerId,
        split: "equal",
        shares: [{ userId: ownerId }],
      };
      expectStatus(201, await call(bell, "POST", "/v1/rooms/attic/expenses", { token: owner, body: expense }));
      const { currencies } = expectStatus(
        200,
        await call<Balances>(ada, "GET", "/v1/rooms/attic/balances", { token: owner }),
      );
      expect(currencies).toMatchObject([{ currency: "EUR", balances: [], payments: [] }]);
      expectStatus(201, await call(ada, "POST", "/v1/rooms/attic/messages", { token: owner, body: { text: "hello" } }));

      const zip = new Uint8Array(await read("/v1/rooms/attic/export"));
      expect(await send("/v1/rooms/copy/import", zip)).toEqual({ messages: 1, files: 1, happenings: 1, expenses: 1 });
      const { messages } = expectStatus(
        200,
        await call<MessagePage>(bell, "GET", "/v1/rooms/copy/messages", { token: owner }),
      );
      expect(messages.map(({ text }) => text)).toEqual(["hello"]);
      const copied = await call<{ happenings: Happening[] }>(bell, "GET", "/v1/rooms/copy/happenings", {
        token: owner,
      });
      expect(copied.body.happenings).toMatchObject([
        { title: "Dinner", answers: [{ displayName: "owner", reply: "yes" }] },
      ]);
    });
  });
}

if (server !== undefined) registerKeepsakes(server);
