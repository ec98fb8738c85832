import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { SessionMachine } from "./session-machine.ts";

const TIMES = { silenceMs: 15_000, resumeMs: 20_000 };
const DAY_MS = 86_400_000;

function make(expiresAtMs = DAY_MS) {
  const log: string[] = [];
  const machine = new SessionMachine(
    {
      reconnecting: (is) => log.push(is ? "reconnecting" : "active"),
      hide: (roomId) => log.push(`hide ${roomId}`),
      leaveRoom: (roomId, reason) => log.push(`leave ${roomId} ${reason}`),
      closeSocket: (reason) => log.push(`close ${reason ?? "silently"}`),
      end: () => log.push("end"),
    },
    { nowMs: 0, expiresAtMs, times: TIMES },
  );
  return { machine, log };
}

describe("the life of a session", () => {
  test("[A14] a leave message leaves the room and keeps the session", () => {
    const { machine, log } = make();
    expect(machine.leave()).toBe(false);
    machine.entered("R");
    expect(machine.leave()).toBe(true);
    expect(machine.leave()).toBe(false);
    expect([log, machine.phase, machine.roomId]).toEqual([["leave R left"], "attached", undefined]);
  });

  test("[A14] media gone for good leaves the room and ends the session with a word", () => {
    const { machine, log } = make();
    machine.entered("R");
    machine.mediaGone();
    machine.mediaGone();
    expect(log).toEqual(["close expired", "leave R timeout", "end"]);
  });

  test("[A14] a lost socket may come back for 20 s, then the session ends", () => {
    const { machine, log } = make();
    machine.entered("R");
    machine.socketLost(1_000);
    expect(machine.deadlineMs()).toBe(21_000);
    expect(machine.attach(20_000)).toBe(true);
    machine.socketLost(30_000);
    machine.socketLost(31_000);
    machine.handleTimeout(49_999);
    expect(log).toEqual(["reconnecting", "active", "reconnecting"]);
    machine.handleTimeout(50_000);
    expect(log.slice(3)).toEqual(["leave R timeout", "end"]);
    expect([machine.attach(50_001), machine.deadlineMs()]).toEqual([false, Number.POSITIVE_INFINITY]);
  });

  test("[A14] silence of 15 s counts as a lost socket", () => {
    const { machine, log } = make();
    machine.heard(5_000);
    machine.handleTimeout(19_999);
    expect([log, machine.deadlineMs()]).toEqual([[], 20_000]);
    machine.handleTimeout(20_000);
    expect([log, machine.phase]).toEqual([["close silently"], "detached"]);
  });

  test("[A14] a superseded session goes at once, and its place lingers for its successor", () => {
    const { machine, log } = make();
    machine.entered("R");
    machine.superseded(1_000);
    expect([log, machine.attach(1_001)]).toEqual([["close superseded", "reconnecting"], false]);
    machine.handleTimeout(21_000);
    expect(log.slice(2)).toEqual(["leave R superseded", "end"]);
  });

  test("[A14] superseded while its socket is lost, or outside of rooms, it ends without more ado", () => {
    const { machine, log } = make();
    machine.superseded(1_000);
    expect(log).toEqual(["close superseded", "end"]);
    const other = make();
    other.machine.entered("R");
    other.machine.socketLost(0);
    other.machine.superseded(5_000);
    expect(other.log).toEqual(["reconnecting"]);
    other.machine.handleTimeout(25_000);
    expect(other.log.slice(1)).toEqual(["leave R superseded", "end"]);
  });

  test("[A29] a page that says that it goes is hidden after 5 s, and its session may come back until the resume time is over", () => {
    const { machine, log } = make();
    machine.entered("R");
    machine.socketLost(1_000, true);
    expect(machine.deadlineMs()).toBe(6_000);
    machine.handleTimeout(5_999);
    expect([log, machine.isHidden]).toEqual([["reconnecting"], false]);
    machine.handleTimeout(6_000);
    machine.handleTimeout(6_001);
    expect([log.slice(1), machine.isHidden, machine.roomId, machine.deadlineMs()]).toEqual([
      ["hide R"],
      true,
      "R",
      21_000,
    ]);
    // The others are told nothing until it has entered again.
    expect([machine.attach(20_999), log.length, machine.isHidden]).toEqual([true, 2, true]);
    machine.entered("R");
    expect(machine.isHidden).toBe(false);
    machine.socketLost(30_000, true);
    machine.handleTimeout(50_000);
    expect(log.slice(2)).toEqual(["reconnecting", "leave R timeout", "end"]);
  });

  test("[A29] a page that comes back in time, or whose successor does, is not hidden", () => {
    const { machine, log } = make();
    machine.entered("R");
    machine.socketLost(0, true);
    machine.attach(4_999);
    machine.handleTimeout(10_000);
    machine.socketLost(10_000, true);
    machine.superseded(12_000);
    machine.handleTimeout(16_000);
    expect(log).toEqual(["reconnecting", "active", "reconnecting"]);
    machine.handleTimeout(32_000);
    expect(log.slice(3)).toEqual(["leave R superseded", "end"]);
  });

  test("[A14] the end of its token ends it, wherever it is", () => {
    const { machine, log } = make(10_000);
    machine.entered("R");
    machine.handleTimeout(10_000);
    expect(log).toEqual(["close expired", "leave R timeout", "end"]);
  });

  test("[A14] drained, removed or abandoned: the right words to the right people", () => {
    const drained = make();
    drained.machine.entered("R");
    drained.machine.drained();
    expect(drained.log).toEqual(["close draining", "end"]);
    const removed = make();
    removed.machine.entered("R");
    removed.machine.removed();
    expect(removed.log).toEqual(["close removed", "leave R removed", "end"]);
    const abandoned = make();
    abandoned.machine.entered("R");
    abandoned.machine.abandoned();
    abandoned.machine.handleTimeout(DAY_MS);
    expect(abandoned.log).toEqual([]);
  });

  test("[A14] whatever happens in whatever order: each room is left once, and after the end there is silence", () => {
    let rooms = 0;
    const steps: Readonly<Record<string, (machine: SessionMachine, nowMs: number) => void>> = {
      enter: (machine) => {
        if (machine.roomId === undefined && machine.phase === "attached") machine.entered(`R${++rooms}`);
      },
      leave: (machine) => machine.leave(),
      lost: (machine, nowMs) => machine.socketLost(nowMs),
      pageGone: (machine, nowMs) => machine.socketLost(nowMs, true),
      attach: (machine, nowMs) => machine.attach(nowMs),
      gone: (machine) => machine.mediaGone(),
      superseded: (machine, nowMs) => machine.superseded(nowMs),
      removed: (machine) => machine.removed(),
      drained: (machine) => machine.drained(),
      time: (machine, nowMs) => machine.handleTimeout(nowMs),
    };
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 40 }), (names) => {
        const { machine, log } = make();
        names.forEach((name, index) => {
          steps[name]?.(machine, index * 3_000);
        });
        const left = log.filter((line) => line.startsWith("leave")).map((line) => line.split(" ")[1]);
        expect(new Set(left).size).toBe(left.length);
        expect(log.indexOf("end")).toBe(machine.phase === "ended" ? log.length - 1 : -1);
      }),
      { seed: 20, numRuns: 300 },
    );
  });
});
