import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "@jest/globals";
import { commandId, inboundRequestId, nodeName } from "../src/types.ts";
import { RemoteError, TimeoutError } from "./errors.ts";
import { LogTee } from "./log.ts";
import { DirectRequests, packBody } from "./requests.ts";

const requests = (): DirectRequests => new DirectRequests(new LogTee());
const id = commandId(1);
const asked = (topic: string, body: Uint8Array) =>
  ({ kind: "request", id: inboundRequestId(1), from: nodeName("b"), topic, body }) as const;

describe("answers to our requests", () => {
  test("a body comes back as the value that it was", async () => {
    const mine = requests();
    const value = { list: [1, "two", new Uint8Array([3])], big: 2n ** 60n, none: null };
    const result = mine.result(id, "request x to b");
    mine.settle({ kind: "requestResult", id, ok: true, body: packBody(value) });
    expect(await result).toEqual({ ...value, list: [1, "two", Buffer.from([3])] });
  });

  test("a text that is kept does not keep the body that it came in", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const mine = requests();
    const kept: string[] = [];
    const receive = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const body = {
          id: `a name of 26 letters ${10_000 + kept.length}`,
          words: Array<string>(80).fill("said, not kept"),
        };
        const result = mine.result(id, "request x to b");
        mine.settle({ kind: "requestResult", id, ok: true, body: packBody(body) });
        kept.push(((await result) as typeof body).id);
      }
    };
    await receive(100);
    collect();
    const before = process.memoryUsage().heapUsed;
    await receive(5_000);
    collect();
    // A text takes about 50 bytes, a body more than 1,100.
    expect((process.memoryUsage().heapUsed - before) / 5_000).toBeLessThan(500);
    expect(new Set(kept).size).toBe(5_100);
  });

  test("no answer in time is a TimeoutError, a refusal a RemoteError with its code", async () => {
    const mine = requests();
    const late = mine.result(id, "request x to b");
    mine.settle({ kind: "requestResult", id, ok: false, failure: "timeout" });
    await expect(late).rejects.toThrow(TimeoutError);
    const refused = mine.result(id, "request x to b");
    mine.settle({ kind: "requestResult", id, ok: false, failure: "remote", code: "room_full", message: "no room" });
    await expect(refused).rejects.toMatchObject({ code: "room_full", message: "no room" });
    const unknown = mine.result(id, "request x to b");
    mine.settle({ kind: "requestResult", id, ok: false, failure: "unknown_member" });
    await expect(unknown).rejects.toMatchObject({ code: "unknown_member", message: "request x to b: unknown_member" });
  });

  test("an answer that is not readable fails, one that nobody waits for is nothing", async () => {
    const mine = requests();
    const result = mine.result(id, "request x to b");
    mine.settle({ kind: "requestResult", id, ok: true, body: Uint8Array.of(0x92, 1) });
    await expect(result).rejects.toThrow("not readable");
    mine.settle({ kind: "requestResult", id, ok: false, failure: "timeout" });
  });

  test("a stop and an abort reject what waits", async () => {
    const mine = requests();
    const aborted = mine.result(id, "x");
    mine.abort(id, new Error("not wanted any more"));
    await expect(aborted).rejects.toThrow("not wanted any more");
    const stopped = mine.result(id, "x");
    mine.stop();
    await expect(stopped).rejects.toBeInstanceOf(RemoteError);
  });
});

describe("requests of others", () => {
  test("the handler of the topic answers, now or later", async () => {
    const mine = requests();
    mine.handle("add", (from, body) => `${from} ${JSON.stringify(body)}`);
    const reply = await mine.answer(asked("add", packBody([1, 2])));
    expect(reply).toEqual({ ok: true, body: packBody("b [1,2]") });
  });

  test("an error's code is told, of other errors only that something failed", async () => {
    const mine = requests();
    const end = mine.handle("x", async () => {
      throw Object.assign(new Error("the room is full"), { code: "room_full" });
    });
    expect(await mine.answer(asked("x", packBody(null)))).toEqual({
      ok: false,
      code: "room_full",
      message: "the room is full",
    });
    end();
    mine.handle("x", () => {
      throw new Error("oops".repeat(200));
    });
    expect(await mine.answer(asked("x", packBody(null)))).toEqual({
      ok: false,
      code: "internal",
      message: "oops".repeat(64),
    });
  });

  test("nobody's topic and unreadable bodies are refused", async () => {
    const mine = requests();
    expect(await mine.answer(asked("x", packBody(null)))).toMatchObject({ ok: false, code: "no_handler" });
    mine.handle("x", () => null);
    expect(await mine.answer(asked("x", Uint8Array.of(0x92, 1)))).toMatchObject({ ok: false, code: "bad_body" });
  });

  test("a topic has one handler", () => {
    const mine = requests();
    const end = mine.handle("x", () => null);
    expect(() => mine.handle("x", () => null)).toThrow("handler already");
    end();
    expect(() => mine.handle("x", () => null)).not.toThrow();
    // The first one's end is over: it does not take the second away.
    end();
    expect(() => mine.handle("x", () => null)).toThrow("handler already");
  });
});
