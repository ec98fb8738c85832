/** The store goes away before every single one of the calls that a route makes of it: a problem each time, and no half of anything. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import type { CalendarFeed, Expense, FileInfo, Happening } from "#protocol";
import type { Archive } from "../../src/store/archive.ts";
import { StoreUnavailableError } from "../../src/store/errors.ts";
import { openStores } from "../../src/store/open-stores.ts";
import { type Answer, call, expectStatus, TestMesh, type TestNode } from "./harness.ts";

const ROOM = "/v1/rooms/kept";
/** More calls than any route makes of the store. */
const MAX_CALLS = 60;
const quiet = { info: () => undefined, warn: () => undefined };

/** Lets so many further calls pass, from whomever; then the store is away. */
class Faults {
  left = Number.POSITIVE_INFINITY;

  wrap<T extends object>(store: T): T {
    return new Proxy(store, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key);
        if (typeof member === "object" && member !== null) return this.wrap(member);
        if (typeof member !== "function" || key === "close") return member;
        return (...input: unknown[]): unknown => {
          this.left -= 1;
          return this.left < 0 ? Promise.reject(away(String(key))) : Reflect.apply(member, target, input);
        };
      },
    });
  }
}

const away = (operation: string): StoreUnavailableError =>
  new StoreUnavailableError({ store: "archive", operation, stateChanged: "no", cause: new Error("taken away") });

describe("routes while the archive goes away in the middle of them", () => {
  const mesh = new TestMesh();
  const faults = new Faults();
  let node: TestNode;
  let token: string;
  let userId: string;
  let keys = 0;

  beforeAll(async () => {
    const stores = await openStores({ sqlitePath: join(mesh.dataDir, "hearsay.sqlite"), log: quiet });
    // Work that the node does by itself must not use up the calls of a route.
    const parts = { stores: { ...stores, archive: faults.wrap<Archive>(stores.archive) }, refreshMs: 600_000 };
    node = await mesh.start("ada", { parts });
    const owner = await mesh.user(node, "owner");
    [token, userId] = [owner.token, owner.user.userId];
    await mesh.room(node, token, { slug: "kept" });
  });
  afterAll(() => mesh.stop());

  const ask = <T>(method: string, path: string, body?: object, key?: string): Promise<Answer<T>> =>
    call<T>(node, method, path, {
      token,
      ...(body === undefined ? {} : { body }),
      ...(key === undefined ? {} : { headers: { "idempotency-key": key } }),
    });
  const dinner = { title: "Dinner", startsAt: "2030-12-24T18:30", timeZone: "Europe/Amsterdam" };
  const bill = () => ({
    ...{ title: "Taxi", amountMinor: 900, currency: "EUR", payerId: userId },
    ...{ split: "equal", shares: [{ userId }] },
  });
  const upload = async <T>(path: string, blob: Blob, name: string): Promise<Answer<T>> => {
    const form = new FormData();
    form.append("file", blob, name);
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${node.app.url}${path}`, { method: "POST", body: form, headers });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer<T>["body"] };
  };
  const putFile = (): Promise<Answer<FileInfo>> => upload(`${ROOM}/files`, new Blob(["some words"]), "a.txt");
  const red = async (): Promise<Blob> => {
    const picture = sharp({ create: { width: 16, height: 16, channels: 3, background: "red" } });
    return new Blob([new Uint8Array(await picture.png().toBuffer())]);
  };
  const putPhoto = async (): Promise<Answer<FileInfo>> => upload(`${ROOM}/files`, await red(), "red.png");
  const putPicture = async (): Promise<Answer<{ readonly pictureId: string }>> =>
    upload("/v1/pictures", await red(), "me.png");
  const plan = (key?: string): Promise<Answer<Happening>> => ask("POST", `${ROOM}/happenings`, dinner, key);
  const note = (key?: string): Promise<Answer<Expense>> => ask("POST", `${ROOM}/expenses`, bill(), key);

  interface Route {
    readonly name: string;
    /** Makes what the request is about; answers the request. The key stays the same while it is repeated. */
    readonly prepare: () => Promise<(key: string) => Promise<Answer>>;
    /** Asked again it finds its own work done. */
    readonly doneIs?: number;
    /** Calls that it makes of the store at least. Default 2. */
    readonly least?: number;
  }

  const ROUTES: readonly Route[] = [
    { name: "POST files", prepare: async () => putFile },
    { name: "GET gallery", prepare: async () => () => ask("GET", `${ROOM}/gallery`) },
    {
      name: "DELETE file",
      prepare: async () => {
        const { fileId } = expectStatus(201, await putFile());
        return () => ask("DELETE", `/v1/files/${fileId}`);
      },
      doneIs: 404,
    },
    { name: "POST happenings", prepare: async () => plan },
    { name: "GET happenings", prepare: async () => () => ask("GET", `${ROOM}/happenings`) },
    {
      name: "PUT happening",
      prepare: async () => {
        const { happeningId, version } = expectStatus(201, await plan());
        return () => ask("PUT", `${ROOM}/happenings/${happeningId}`, { ...dinner, title: "Supper", version });
      },
      doneIs: 409,
    },
    {
      name: "PUT answer",
      prepare: async () => {
        const { happeningId } = expectStatus(201, await plan());
        return () => ask("PUT", `${ROOM}/happenings/${happeningId}/answer`, { reply: "yes" });
      },
      doneIs: 200,
    },
    {
      name: "DELETE happening",
      prepare: async () => {
        const { happeningId } = expectStatus(201, await plan());
        return () => ask("DELETE", `${ROOM}/happenings/${happeningId}`);
      },
      doneIs: 404,
    },
    {
      name: "GET calendar.ics of the room",
      prepare: async () => {
        expectStatus(201, await plan());
        return () => ask("GET", `${ROOM}/calendar.ics`);
      },
    },
    {
      name: "GET calendar.ics of a happening",
      prepare: async () => {
        const { happeningId } = expectStatus(201, await plan());
        return () => ask("GET", `${ROOM}/happenings/${happeningId}/calendar.ics`);
      },
    },
    { name: "POST calendar-feed", prepare: async () => () => ask("POST", `${ROOM}/calendar-feed`) },
    {
      name: "DELETE calendar-feed",
      prepare: async () => {
        expectStatus(201, await ask("POST", `${ROOM}/calendar-feed`));
        return () => ask("DELETE", `${ROOM}/calendar-feed`);
      },
      doneIs: 200,
    },
    {
      name: "GET a calendar by its secret address",
      prepare: async () => {
        const { url } = expectStatus(201, await ask<CalendarFeed>("POST", `${ROOM}/calendar-feed`));
        return () => call(node, "GET", new URL(url).pathname);
      },
    },
    {
      name: "GET preview",
      prepare: async () => {
        const { fileId } = expectStatus(201, await putPhoto());
        return () => ask("GET", `/v1/files/${fileId}/preview`);
      },
    },
    { name: "POST pictures", prepare: async () => putPicture },
    {
      name: "GET picture",
      prepare: async () => {
        const { pictureId } = expectStatus(201, await putPicture());
        return () => call(node, "GET", `/v1/pictures/${pictureId}`);
      },
      least: 1,
    },
    {
      name: "DELETE picture",
      prepare: async () => {
        const { pictureId } = expectStatus(201, await putPicture());
        return () => ask("DELETE", `/v1/pictures/${pictureId}`);
      },
      doneIs: 404,
    },
    { name: "POST expenses", prepare: async () => note },
    { name: "GET balances", prepare: async () => () => ask("GET", `${ROOM}/balances`) },
    {
      name: "DELETE expense",
      prepare: async () => {
        const { expenseId } = expectStatus(201, await note());
        return () => ask("DELETE", `${ROOM}/expenses/${expenseId}`);
      },
      doneIs: 404,
    },
  ];

  /** What the room keeps, as anybody may read it. */
  async function kept(): Promise<string> {
    faults.left = Number.POSITIVE_INFINITY;
    const lists = ["gallery", "happenings?from=0", "expenses", "balances"];
    const bodies = await Promise.all(lists.map(async (list) => expectStatus(200, await ask("GET", `${ROOM}/${list}`))));
    return JSON.stringify(bodies);
  }

  test.each(ROUTES)("[A75] $name", async ({ prepare, doneIs, least = 2 }) => {
    const perform = await prepare();
    const before = await kept();
    keys += 1;
    let refused = 0;
    for (let calls = 0; calls < MAX_CALLS; calls++) {
      faults.left = calls;
      const answer = await perform(`key-${keys}`);
      faults.left = Number.POSITIVE_INFINITY;
      if (answer.status !== 503) {
        // At the last of them the work was done but for what follows it.
        expect(answer.status < 300 || answer.status === doneIs).toBe(true);
        break;
      }
      expect(answer.body.code).toBe("store_unavailable");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      refused += 1;
      const now = await kept();
      if (now !== before) {
        // Only as a whole: repeated with the store there, it is as done as it will be.
        const again = await perform(`key-${keys}`);
        expect([again.status, await kept()]).toEqual([doneIs, now]);
        break;
      }
    }
    expect(refused).toBeGreaterThanOrEqual(least);
  });
});
