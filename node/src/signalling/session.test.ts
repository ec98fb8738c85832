import { describe, expect, test } from "@jest/globals";
import type { ServerMessage } from "#protocol";
import { SESSION_TIMES } from "../session/session-machine.ts";
import { type ClientPort, ClientSession, type Refusal } from "./session.ts";

function make(hello: { readonly id: string; readonly lastSeq?: number } = { id: "h" }) {
  const sent: ServerMessage[] = [];
  const asked: string[] = [];
  let refusal: Refusal | undefined;
  const port: ClientPort = {
    send: (message) => sent.push(message),
    closeSocket: (reason) => asked.push(`close ${reason ?? "silently"}`),
    join: (id) => asked.push(`join ${id}`),
    offer: (id) => asked.push(`offer ${id}`),
    mute: () => refusal,
    view: () => refusal,
    typing: () => refusal,
    moderate: (id, deed) => asked.push(`moderate ${id} ${deed.action}`),
    report: ({ frozenRatio }) => asked.push(`report ${frozenRatio}`),
    reconnecting: (is) => asked.push(is ? "reconnecting" : "active"),
    hide: () => asked.push("hide"),
    leaveRoom: (roomId, reason, id) => asked.push(`leave ${roomId} ${reason} ${id ?? "-"}`),
    end: () => asked.push("end"),
    refusedMessage: () => undefined,
  };
  const start = { sessionId: "S", epoch: 3, node: "ada", nowMs: 0, expiresAtMs: 86_400_000, times: SESSION_TIMES };
  const session = new ClientSession(port, start);
  session.welcome(hello, 0);
  return {
    session,
    sent,
    asked,
    refuseNext: (next: Refusal | undefined) => {
      refusal = next;
    },
    words: () => sent.map((m) => ("code" in m ? m.code : m.type)),
  };
}

const joined = (replyTo: string) =>
  ({
    type: "joined",
    replyTo,
    room: { roomId: "R", slug: "r", title: "R" },
    participantId: "P",
    role: "member",
    grants: { publish: true, subscribe: true, chat: true, moderate: false },
    participants: [],
  }) as const;
const left = { type: "participantLeft", participantId: "X", reason: "left" } as const;

describe("the protocol of a client", () => {
  test("[A14] who starts anew may leave the room that the session is still in, also before entering it again", () => {
    const { session, asked, words } = make();
    session.handle({ type: "join", id: "1", token: "t" }, 1);
    session.joined("R", joined("1"));
    session.welcome({ id: "h2" }, 2);
    session.handle({ type: "leave", id: "2" }, 3);
    session.handle({ type: "leave", id: "3" }, 4);
    expect(asked).toEqual(["join 1", "leave R left 2"]);
    expect(words()).toEqual(["welcome", "joined", "welcome", "not_joined"]);
  });

  test("[A29] who comes back after the others have seen the page go enters again, with the place still there", () => {
    const { session, asked, sent, words } = make();
    session.handle({ type: "join", id: "1", token: "t" }, 1);
    session.joined("R", joined("1"));
    session.socketLost(2, true);
    session.handleTimeout(5_002);
    expect(asked).toEqual(["join 1", "reconnecting", "hide"]);
    session.notify(left, 6_000);
    expect(session.welcome({ id: "h2", lastSeq: 2 }, 7_000)).toBe("fresh");
    expect(sent.at(-1)).toMatchObject({ type: "welcome", resumed: false });
    session.handle({ type: "join", id: "2", token: "t" }, 7_001);
    session.joined("R", joined("2"));
    expect(words()).toEqual(["welcome", "joined", "welcome", "joined"]);
    expect(session.roomId).toBe("R");
  });

  test("[A63] what the room says while a join is under way comes after its answer", () => {
    const { session, sent, words } = make();
    session.notify(left, 0);
    session.handle({ type: "join", id: "1", token: "t" }, 1);
    session.notify(left, 2);
    expect(words()).toEqual(["welcome"]);
    session.joined("R", joined("1"));
    session.notify(left, 3);
    expect(words()).toEqual(["welcome", "joined", "participantLeft", "participantLeft"]);
    expect(sent.map((m) => m.seq)).toEqual([1, 2, 3, 4]);
  });

  test("[A63] a join that nobody waits for any more gives its place back", () => {
    const { session, asked } = make();
    session.handle({ type: "join", id: "1", token: "t" }, 1);
    session.socketLost(2);
    session.welcome({ id: "h2" }, 3);
    session.joined("R", joined("1"));
    expect(asked).toEqual(["join 1", "leave R left -"]);
    // But not when the next join of the same session is about to take it.
    session.handle({ type: "join", id: "2", token: "t" }, 4);
    session.handle({ type: "join", id: "3", token: "t" }, 5);
    session.joined("R", joined("1"));
    session.joined("R", joined("2"));
    expect([asked.slice(2), session.roomId]).toEqual([["join 2"], "R"]);
  });

  test("[A63] a refused join may be tried again", () => {
    const { session, words } = make();
    session.handle({ type: "join", id: "1", token: "t" }, 1);
    session.joinRefused("1", { code: "token_used", detail: "" });
    session.handle({ type: "join", id: "2", token: "t" }, 2);
    session.joined("R", joined("2"));
    expect(words()).toEqual(["welcome", "token_used", "joined"]);
  });

  test("[A52] requests that need a room are refused outside, and answered inside", () => {
    const { session, words, refuseNext, asked } = make();
    session.handle({ type: "mute", id: "1", trackId: "t", muted: true }, 1);
    session.handle({ type: "join", id: "2", token: "t" }, 2);
    session.joined("R", joined("2"));
    session.handle({ type: "mute", id: "3", trackId: "t", muted: true }, 3);
    session.handle({ type: "view", visible: [] }, 4);
    refuseNext({ code: "unknown_track", detail: "" });
    session.handle({ type: "mute", id: "5", trackId: "t", muted: true }, 5);
    session.handle({ type: "leave", id: "6" }, 6);
    session.done("6");
    session.handle({ type: "leave", id: "7" }, 7);
    expect(words()).toEqual(["welcome", "not_joined", "joined", "ok", "unknown_track", "ok", "not_joined"]);
    expect(asked).toEqual(["join 2", "leave R left 6"]);
  });

  test("[A22] a life that begins here is never resumed, whatever number the client brings", () => {
    const { words } = make({ id: "h", lastSeq: 0 });
    expect(words()).toEqual(["welcome"]);
    expect(make({ id: "h", lastSeq: 0 }).sent[0]).toMatchObject({ resumed: false, seq: 1 });
  });

  test("[A56] no more than four offers wait for their answers", () => {
    const { session, words, asked } = make();
    session.handle({ type: "join", id: "j", token: "t" }, 0);
    session.joined("R", joined("j"));
    for (const id of ["1", "2", "3", "4", "5"]) session.handle({ type: "offer", id, sdp: "x", tracks: [] }, 1);
    expect(asked.slice(1)).toEqual(["offer 1", "offer 2", "offer 3", "offer 4"]);
    session.offerDone({ type: "answer", replyTo: "1", sdp: "y", tracks: [] });
    session.offerRefused("2", { code: "sdp_malformed", detail: "" });
    session.handle({ type: "offer", id: "6", sdp: "x", tracks: [] }, 2);
    expect(words()).toEqual(["welcome", "joined", "rate_limited", "answer", "sdp_malformed"]);
    expect(asked.at(-1)).toBe("offer 6");
  });

  test("[A62] a client that reads too slowly is closed, and resumes with what it missed", () => {
    const { session, sent, asked, words } = make();
    session.handle({ type: "join", id: "j", token: "t" }, 0);
    session.joined("R", joined("j"));
    const { seq: seen = 0 } = sent.at(-1) ?? {};
    session.slow(1);
    session.notify(left, 2);
    expect([asked.slice(1), words().at(-1)]).toEqual([["close slow", "reconnecting"], "participantLeft"]);
    sent.length = 0;
    expect(session.welcome({ id: "h2", lastSeq: seen }, 3)).toBe("resumed");
    expect(words()).toEqual(["welcome", "closing", "participantLeft"]);
  });

  test("[A14] the end of its life reaches client and room", () => {
    const { session, asked, sent } = make();
    session.handle({ type: "join", id: "j", token: "t" }, 0);
    session.joined("R", joined("j"));
    session.drained("http://bell");
    expect(sent.at(-1)).toMatchObject({ type: "closing", reason: "draining", goTo: "http://bell" });
    expect(asked.slice(1)).toEqual(["close draining", "end"]);
    expect([session.isOpen, session.isEnded, session.welcome({ id: "x" }, 1)]).toEqual([false, true, "over"]);
  });
});
