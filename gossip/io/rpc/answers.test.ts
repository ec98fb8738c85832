// What clients make of an agent's records, also of odd ones.

import { expect, test } from "@jest/globals";
import {
  estimateRtt,
  questionBody,
  readCoordinate,
  readKeyAnswer,
  readQueryRecord,
  readRows,
  readSighting,
} from "./answers.ts";
import type { RpcMap, RpcValue } from "./value.ts";

const map = (entries: Readonly<Record<string, RpcValue>>): RpcMap => new Map(Object.entries(entries));

test("records of nobody, and of no known type, are passed over", () => {
  expect(readQueryRecord(map({ Type: "ack", From: "", Payload: null }))).toBeUndefined();
  expect(readQueryRecord(map({ Type: "zork", From: "a" }))).toBeUndefined();
  expect(readQueryRecord(map({ Type: "ack", From: "a", Payload: null }))).toEqual({
    type: "ack",
    from: "a",
    payload: new Uint8Array(0),
  });
});

test("a question without wishes leaves everything to the agent", () => {
  expect(questionBody({ name: "color" })).toEqual({
    FilterNodes: [],
    FilterTags: {},
    Name: "color",
    Payload: null,
    RelayFactor: 0,
    RequestAck: false,
    Timeout: 0,
  });
  expect(questionBody({ name: "color", timeoutMs: 0.5 })).toMatchObject({ Timeout: 500_000 });
});

test("round trips are estimated between coordinates of one kind only", () => {
  const coord = (vec: number[]): RpcMap => map({ Vec: vec, Error: 0.5, Adjustment: 0, Height: 0.001 });
  const a = readCoordinate(map({ Ok: true, Coord: coord([0, 0.003]) }));
  const b = readCoordinate(map({ Ok: true, Coord: coord([0, 0]) }));
  expect(estimateRtt(a, b)).toEqual({ estimateMs: 5, error: 1 });
  expect(readCoordinate(map({ Ok: false, Coord: coord([]) }))).toBeUndefined();
  expect(estimateRtt(a, undefined)).toBeUndefined();
  expect(estimateRtt(a, readCoordinate(map({ Ok: true, Coord: coord([1]) })))).toBeUndefined();
});

test("a monitor shows lines and events and passes over what it does not know", () => {
  expect(readSighting(map({ Log: "line" }))).toEqual({ kind: "log", line: "line" });
  expect(readSighting(map({ Event: "user", Name: "x" }))).toMatchObject({ kind: "event", event: "user" });
  expect(readSighting(map({}))).toBeUndefined();
});

test("[R8] what was measured is read where it is told", () => {
  const Coord = map({ Vec: [0], Error: 0.5, Adjustment: 0, Height: 0 });
  expect(readCoordinate(map({ Ok: true, Coord, MeasuredMs: 2.5 }))).toMatchObject({ measuredMs: 2.5 });
  expect(readCoordinate(map({ Ok: true, Coord }))).not.toHaveProperty("measuredMs");
  const rows = map({ Rows: map({ a: map({ b: 1.5, c: "far" }), odd: 5 }) });
  expect(readRows(rows)).toEqual(new Map([["a", new Map([["b", 1.5]])]]));
  expect(readRows(map({}))).toEqual(new Map());
});

test("[R9] answers about keys are read from agents that tell primaries and from those that do not", () => {
  const reply = { Keys: map({ k: 2, odd: "x" }), Messages: map({ a: "no" }), NumErr: 1, NumNodes: 3, NumResp: 2 };
  const read = { error: "e", keys: { k: 2 }, messages: { a: "no" }, numErr: 1, numNodes: 3, numResp: 2 };
  expect(readKeyAnswer("e", map(reply))).toEqual({ ...read, primaryKeys: {} });
  expect(readKeyAnswer("e", map({ ...reply, PrimaryKeys: map({ k: 2 }) }))).toEqual({ ...read, primaryKeys: { k: 2 } });
  expect(readKeyAnswer("", map({ Keys: null }))).toMatchObject({ keys: {}, numNodes: 0 });
});
