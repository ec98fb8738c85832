import { describe, expect, test } from "@jest/globals";
import type { Unsequenced } from "#protocol";
import { Outbox } from "./outbox.ts";

const ok = (replyTo: string): Unsequenced => ({ type: "ok", replyTo });
const welcome: Unsequenced = {
  type: "welcome",
  replyTo: "h",
  sessionId: "S",
  epoch: 1,
  node: "ada",
  resumed: true,
};

describe("what goes to a client", () => {
  test("[A15] is numbered without holes from 1", () => {
    const outbox = new Outbox();
    expect(["a", "b", "c"].map((id) => outbox.push(ok(id)).seq)).toEqual([1, 2, 3]);
    expect(outbox.lastSeq).toBe(3);
  });

  test("[A15] is told again after a resume, numbered on from what the client saw, without what is worthless by then", () => {
    const outbox = new Outbox();
    outbox.push(ok("a"));
    outbox.push(ok("b"));
    outbox.push({ type: "pong", sentAtMs: 1 });
    outbox.push({ type: "speakers", speakers: [] });
    outbox.push(ok("c"));
    const first = outbox.resume(1, welcome);
    expect(first.map((m) => [m.seq, m.type, "replyTo" in m ? m.replyTo : ""])).toEqual([
      [2, "welcome", "h"],
      [3, "ok", "b"],
      [4, "ok", "c"],
    ]);
    // Lost again before anything of it arrived: the same messages, one welcome.
    expect(outbox.canResume(1)).toBe(true);
    expect(outbox.resume(1, welcome).map((m) => m.type)).toEqual(["welcome", "ok", "ok"]);
  });

  test("[A15] cannot be resumed from the future, from nonsense, or from before what is kept", () => {
    const outbox = new Outbox(3);
    for (const id of ["a", "b", "c", "d", "e"]) outbox.push(ok(id));
    expect([1, 2, 5, 6, 2.5, -1].map((seq) => outbox.canResume(seq))).toEqual([false, true, true, false, false, false]);
    outbox.restart();
    expect([outbox.lastSeq, outbox.canResume(0), outbox.canResume(1)]).toEqual([0, true, false]);
  });
});
