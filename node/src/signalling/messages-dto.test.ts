import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseClientMessage } from "./messages.dto.ts";

const valid: readonly object[] = [
  { type: "hello", id: "1", protocol: 1, token: "t" },
  { type: "hello", id: "1", protocol: 1, token: "t", lastSeq: 12 },
  { type: "join", id: "1", token: "t" },
  { type: "leave", id: "1" },
  { type: "offer", id: "1", sdp: "v=0", tracks: [{ mid: "0", kind: "audio", source: "microphone", muted: true }] },
  { type: "offer", id: "1", sdp: "v=0", tracks: [], fresh: true },
  { type: "mute", id: "1", trackId: "t", muted: false },
  { type: "view", visible: [{ participantId: "p", source: "camera", width: 320, height: 180.5 }] },
  { type: "view", id: "1", visible: [] },
  { type: "ping", sentAtMs: 1.5 },
];

describe("messages of clients", () => {
  test("[A61] each kind passes as it is described, and nothing more may stand in it", () => {
    for (const message of valid) {
      const parsed = parseClientMessage(JSON.stringify(message));
      expect(parsed.ok ? JSON.parse(JSON.stringify(parsed.message)) : parsed).toEqual(message);
      expect(parseClientMessage(JSON.stringify({ ...message, extra: 1 })).ok).toBe(false);
      for (const field of Object.keys(message).filter((name) => !["lastSeq", "fresh", "id"].includes(name)))
        expect([field, parseClientMessage(JSON.stringify({ ...message, [field]: undefined })).ok]).toEqual([
          field,
          false,
        ]);
    }
  });

  test("[A61] null is refused where a field may only be absent", () => {
    const optional = { hello: "lastSeq", offer: "fresh", view: "id", typing: "threadId", moderate: "trackId" };
    const typing = { type: "typing", typing: true };
    const moderate = { type: "moderate", id: "1", participantId: "p", action: "remove" };
    for (const message of [...valid, typing, moderate] as readonly { readonly type: string }[]) {
      const field = optional[message.type as keyof typeof optional];
      const told = [
        message.type,
        parseClientMessage(JSON.stringify({ ...message, ...(field && { [field]: null }) })).ok,
      ];
      expect(told).toEqual([message.type, field === undefined]);
    }
    const tracks = [{ mid: "0", kind: "audio", source: "microphone", muted: null }];
    expect(parseClientMessage(JSON.stringify({ type: "offer", id: "1", sdp: "v=0", tracks })).ok).toBe(false);
  });

  test("[A61] any text gives a message or a refusal with the id where one can be read", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const parsed = parseClientMessage(text);
        expect(parsed.ok || parsed.detail.length > 0).toBe(true);
      }),
      { seed: 61, numRuns: 500 },
    );
    expect(parseClientMessage('{"type":"mute","id":"m7"}')).toMatchObject({ ok: false, id: "m7" });
    expect(parseClientMessage('{"type":"ping","sentAtMs":1e999}')).toMatchObject({ ok: false });
    // Both once threw inside the library that makes instances of classes.
    const deep = `${"[".repeat(30_000)}${"]".repeat(30_000)}`;
    for (const value of ['{"constructor":{"name":"x"}}', deep])
      expect(parseClientMessage(`{"type":"mute","id":"m7","trackId":${value}}`)).toMatchObject({ ok: false, id: "m7" });
  });

  test("[A61] valid messages with one value replaced by anything never throw", () => {
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.nat(), fc.jsonValue(), (message, index, value) => {
        const names = Object.keys(message);
        const name = names[index % names.length] ?? "type";
        const parsed = parseClientMessage(JSON.stringify({ ...message, [name]: value }));
        expect(typeof parsed.ok).toBe("boolean");
      }),
      { seed: 62, numRuns: 500 },
    );
  });
});
