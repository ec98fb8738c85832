import { expect, test } from "@jest/globals";
import type { ClientMessage, ServerMessage, Unsequenced } from "./protocol/messages.ts";
import { Session } from "./session.ts";
import { SESSION_DEFAULTS, type SessionEvent, type SessionSink } from "./session-types.ts";

/** A session with a recording sink; `to` sends it a numbered server message. */
class Rig {
  readonly log: string[] = [];
  readonly sent: ClientMessage[] = [];
  readonly events: SessionEvent[] = [];
  readonly avoided: (readonly string[])[] = [];
  attempt = 0;
  offerAttempt = 0;
  offerFresh = false;
  seq = 0;
  nowMs = 0;
  readonly session: Session;

  constructor() {
    const sink: SessionSink = {
      connect: (url) => this.log.push(`connect ${url}`),
      disconnect: () => this.log.push("disconnect"),
      send: (message) => {
        this.sent.push(message);
        this.log.push(`send ${message.type}`);
      },
      ticket: (attempt) => this.#ask("ticket", attempt),
      renew: (attempt) => this.#ask("renew", attempt),
      place: (attempt, avoid) => {
        this.avoided.push(avoid);
        this.#ask("place", attempt);
      },
      offer: (attempt, fresh) => {
        this.offerAttempt = attempt;
        this.offerFresh = fresh;
        this.log.push(fresh ? "offer fresh" : "offer");
      },
      event: (event) => {
        this.events.push(event);
        this.log.push(event.kind === "state" ? `state ${event.state}` : event.kind);
      },
      ignored: (reason) => this.log.push(`ignored ${reason}`),
    };
    this.session = new Session(sink, { ...SESSION_DEFAULTS, token: "t", random: () => 0, media: true });
  }
  #ask(what: string, attempt: number): void {
    this.attempt = attempt;
    this.log.push(what);
  }
  to(message: Unsequenced, seq = this.seq + 1): void {
    this.seq = seq;
    this.session.handleText(JSON.stringify({ ...message, seq } as ServerMessage), this.nowMs);
  }
  /** Lets the next deadline fall due. */
  wait(): void {
    this.nowMs = this.session.deadlineMs();
    this.session.handleTimeout(this.nowMs);
  }
  last<T extends ClientMessage["type"]>(type: T): Extract<ClientMessage, { type: T }> {
    const message = this.sent.filter((m) => m.type === type).at(-1);
    if (message === undefined) throw new Error(`no ${type} was sent`);
    return message as Extract<ClientMessage, { type: T }>;
  }
  take(): readonly string[] {
    return this.log.splice(0);
  }
  welcome(resumed = false, seq?: number): void {
    const replyTo = this.last("hello").id;
    this.to({ type: "welcome", replyTo, sessionId: "s", epoch: 1, node: "a", resumed }, seq);
  }
  joined(): void {
    this.session.handleTicket(this.attempt, "room", this.nowMs);
    this.to({
      type: "joined",
      replyTo: this.last("join").id,
      room: { roomId: "r", slug: "s", title: "S" },
      participantId: "p",
      role: "member",
      grants: { publish: true, subscribe: true, chat: true, moderate: false },
      participants: [],
    });
  }
  answer(): void {
    this.session.handleOffer(this.offerAttempt, { sdp: "o", tracks: [] }, this.nowMs);
    this.to({ type: "answer", replyTo: this.last("offer").id, sdp: "a", tracks: [] });
    this.session.handleAnswered(this.offerAttempt);
  }
  /** In the room with media. */
  static live(): Rig {
    const rig = new Rig();
    rig.session.start("http://a", 0);
    rig.session.handleOpened(0);
    rig.welcome();
    rig.joined();
    rig.answer();
    rig.take();
    return rig;
  }
  /** Refused `times` times in a row. */
  refuse(times: number): void {
    for (let n = 0; n < times; n += 1) {
      this.wait();
      this.session.handleClosed(this.nowMs);
    }
  }
}

test("getting in is hello, ticket, join and a fresh offer, in this order", () => {
  const rig = new Rig();
  rig.session.start("http://a", 0);
  rig.session.handleOpened(0);
  rig.welcome();
  rig.joined();
  rig.answer();
  expect(rig.take()).toEqual([
    "state connecting",
    "connect http://a",
    "send hello",
    "ticket",
    "send join",
    "joined",
    "state connected",
    "offer fresh",
    "send offer",
    "answer",
  ]);
  expect(rig.last("hello")).not.toHaveProperty("lastSeq");
  expect(rig.last("offer").fresh).toBe(true);
  expect(rig.session.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("a lost socket comes back to the same node after the last number, without join or offer", () => {
  const rig = Rig.live();
  const lastSeq = rig.session.lastSeq;
  rig.session.handleClosed(0);
  expect(rig.take()).toEqual(["disconnect", "state reconnecting"]);
  rig.wait();
  rig.session.handleOpened(rig.nowMs);
  expect(rig.last("hello").lastSeq).toBe(lastSeq);
  rig.welcome(true, 40);
  expect(rig.take()).toEqual(["connect http://a", "send hello", "state connected", "resumed"]);
});

test("a resumed welcome may be numbered ahead of the replay that follows it", () => {
  const rig = Rig.live();
  const { lastSeq } = rig.session;
  rig.session.handleClosed(0);
  rig.wait();
  rig.session.handleOpened(rig.nowMs);
  rig.welcome(true, (lastSeq ?? 0) + 2);
  rig.to({ type: "speakers", speakers: [] }, (lastSeq ?? 0) + 1);
  expect(rig.take()).toContain("room");
});

test("a node that forgot the session is joined and offered to anew", () => {
  const rig = Rig.live();
  rig.session.handleClosed(0);
  rig.wait();
  rig.session.handleOpened(rig.nowMs);
  rig.welcome(false, 1);
  rig.joined();
  expect(rig.take()).toEqual([
    "disconnect",
    "state reconnecting",
    "connect http://a",
    "send hello",
    "ticket",
    "send join",
    "joined",
    "state connected",
    "offer fresh",
  ]);
});

test("a node that refuses three times is left for another one, which is told as moved", () => {
  const rig = Rig.live();
  rig.session.handleClosed(0);
  rig.refuse(3);
  rig.wait();
  expect(rig.take().at(-1)).toBe("place");
  expect(rig.avoided).toEqual([["http://a"]]);
  expect(rig.nowMs).toBeLessThan(1_000);
  rig.session.handlePlaced(rig.attempt, "http://b", rig.nowMs);
  rig.session.handleOpened(rig.nowMs);
  expect(rig.last("hello")).toMatchObject({ token: "t", lastSeq: rig.session.lastSeq });
  rig.welcome(false, 1);
  rig.joined();
  expect(rig.take()).toEqual([
    "connect http://b",
    "send hello",
    "ticket",
    "send join",
    "joined",
    "state connected",
    "moved",
    "offer fresh",
  ]);
});

test("when every node fails, the search starts again and never ends", () => {
  const rig = Rig.live();
  rig.session.handleClosed(0);
  rig.refuse(3);
  for (let round = 0; round < 20; round += 1) {
    rig.wait();
    rig.session.handleFailure(rig.attempt, { code: "network", detail: "", remedy: "again" }, rig.nowMs);
  }
  expect(rig.session.phase).toBe("waiting");
  expect(rig.avoided.at(-1)).toEqual(["http://a"]);
  rig.wait();
  expect(rig.log.at(-1)).toBe("place");
});

test("a silent node is not waited for a second time", () => {
  const rig = Rig.live();
  rig.session.handleClosed(0);
  rig.wait();
  expect(rig.session.phase).toBe("connecting");
  rig.wait();
  rig.wait();
  expect(rig.take().at(-1)).toBe("place");
});

test("a draining node sends us elsewhere at once", () => {
  const rig = Rig.live();
  rig.to({ type: "closing", reason: "draining", goTo: "http://c" });
  expect(rig.take()).toEqual(["state reconnecting", "connect http://c"]);
});

test.each(["superseded", "removed", "left"] as const)("closing for %s is for good", (reason) => {
  const rig = Rig.live();
  rig.to({ type: "closing", reason });
  expect(rig.take()).toEqual(["disconnect", "state closed", "closed"]);
  expect(rig.events.at(-1)).toMatchObject({ code: reason });
  expect(rig.session.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
});

test("a token that is not accepted is renewed, but not for ever", () => {
  const rig = new Rig();
  rig.session.start("http://a", 0);
  for (let round = 0; round < 3; round += 1) {
    rig.session.handleOpened(0);
    rig.to({ type: "error", replyTo: rig.last("hello").id, code: "token_invalid", detail: "" });
    if (round < 2) rig.session.handleToken(rig.attempt, `t${round}`, 0);
  }
  expect(rig.last("hello").token).toBe("t1");
  expect(rig.events.at(-1)).toMatchObject({ kind: "closed", code: "expired" });
});

test("a node that refuses the hello numbers from one, and is heard all the same", () => {
  const rig = Rig.live();
  rig.session.handleClosed(0);
  rig.wait();
  rig.session.handleOpened(rig.nowMs);
  rig.to({ type: "error", replyTo: rig.last("hello").id, code: "session_superseded", detail: "" }, 1);
  expect(rig.events.at(-1)).toMatchObject({ kind: "closed", code: "superseded" });
});

test.each(["draining", "node_full"])("a node that is %s is left for another one at once", (code) => {
  const rig = new Rig();
  rig.session.start("http://a", 0);
  rig.session.handleOpened(0);
  rig.to({ type: "error", replyTo: rig.last("hello").id, code, detail: "" });
  expect(rig.take().at(-1)).toBe("place");
  expect(rig.avoided).toEqual([["http://a"]]);
});

test("a room token that came too late is fetched anew with the same session", () => {
  const rig = new Rig();
  rig.session.start("http://a", 0);
  rig.session.handleOpened(0);
  rig.welcome();
  rig.session.handleTicket(rig.attempt, "room", 0);
  rig.to({ type: "error", replyTo: rig.last("join").id, code: "token_expired", detail: "" });
  rig.wait();
  rig.session.handleOpened(rig.nowMs);
  expect(rig.last("hello")).toMatchObject({ token: "t" });
});

test("a full room ends the attempt with its code", () => {
  const rig = new Rig();
  rig.session.start("http://a", 0);
  rig.session.handleOpened(0);
  rig.welcome();
  rig.session.handleFailure(rig.attempt, { code: "room_full", detail: "", remedy: "none" }, 0);
  expect(rig.events.at(-1)).toMatchObject({ kind: "closed", code: "room_full" });
});

test("a busy node is asked again after the time it names", () => {
  const rig = new Rig();
  rig.session.start("http://a", 0);
  rig.session.handleOpened(0);
  rig.to({ type: "error", replyTo: rig.last("hello").id, code: "unavailable", detail: "", retryAfterMs: 3_000 });
  expect(rig.session.phase).toBe("waiting");
  expect(rig.session.deadlineMs()).toBe(3_000);
});

test("bad messages are ignored with their code and change nothing", () => {
  const rig = Rig.live();
  const { lastSeq } = rig.session;
  rig.session.handleText("{", 0);
  rig.session.handleText('{"type":"shout","seq":99}', 0);
  rig.session.handleText('{"type":"slots","seq":99,"slots":3}', 0);
  rig.to({ type: "ok", replyTo: "nobody" }, (lastSeq ?? 0) + 1);
  rig.to({ type: "speakers", speakers: [] }, lastSeq);
  rig.to({ type: "answer", replyTo: "nobody", sdp: "", tracks: [] }, (lastSeq ?? 0) + 2);
  expect(rig.take()).toEqual([
    "ignored not_json",
    "ignored unknown_type",
    "ignored bad_shape",
    "ignored unexpected",
    "ignored stale_seq",
    "ignored unexpected",
  ]);
  expect(rig.session.phase).toBe("live");
});

test("wishes for offers are merged while one is under way", () => {
  const rig = Rig.live();
  rig.session.requestOffer(false);
  rig.session.requestOffer(false);
  rig.session.requestOffer(true);
  expect(rig.take()).toEqual(["offer"]);
  rig.answer();
  expect(rig.take()).toEqual(["send offer", "answer", "offer fresh"]);
});

test("media that are gone ask for a fresh offer", () => {
  const rig = Rig.live();
  rig.to({ type: "media", state: "gone" });
  expect(rig.take()).toEqual(["room", "offer fresh"]);
});

test("an offer without an answer is made again, and its late answer is unexpected only if it was forgotten", () => {
  const rig = Rig.live();
  rig.session.requestOffer(false);
  rig.session.handleOffer(rig.offerAttempt, { sdp: "o", tracks: [] }, 0);
  rig.take();
  rig.wait();
  expect(rig.take()).toEqual(["offer"]);
});

test("a refused offer that time may heal is made again after the time named; another one is not", () => {
  const rig = Rig.live();
  rig.session.requestOffer(false);
  rig.session.handleOffer(rig.offerAttempt, { sdp: "o", tracks: [] }, 0);
  rig.to({ type: "error", replyTo: rig.last("offer").id, code: "media_unavailable", detail: "", retryAfterMs: 500 });
  expect(rig.session.deadlineMs()).toBe(500);
  rig.wait();
  rig.session.handleOffer(rig.offerAttempt, { sdp: "o", tracks: [] }, rig.nowMs);
  rig.to({ type: "error", replyTo: rig.last("offer").id, code: "sdp_unsupported", detail: "" });
  expect(rig.session.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  expect(rig.take().filter((line) => line === "offerRefused")).toHaveLength(2);
});

test("an answer that the browser cannot use leads to a new connection", () => {
  const rig = Rig.live();
  rig.session.requestOffer(false);
  rig.session.handleOffer(rig.offerAttempt, { sdp: "o", tracks: [] }, 0);
  rig.to({ type: "answer", replyTo: rig.last("offer").id, sdp: "a", tracks: [] });
  rig.session.handleOfferFailed(rig.offerAttempt, "InvalidAccessError", 0);
  rig.wait();
  expect(rig.offerFresh).toBe(true);
});

test("results that come too late are nobody's", () => {
  const rig = new Rig();
  rig.session.start("http://a", 0);
  rig.session.handleOpened(0);
  rig.welcome();
  const { attempt } = rig;
  rig.session.handleClosed(0);
  rig.take();
  rig.session.handleTicket(attempt, "room", 0);
  rig.session.handlePlaced(attempt, "http://b", 0);
  rig.session.handleToken(attempt, "t", 0);
  expect(rig.take()).toEqual([]);
});

test("the network coming back cuts a back-off short", () => {
  const rig = Rig.live();
  rig.session.handleClosed(0);
  rig.take();
  rig.session.handleOnline(0);
  expect(rig.take()).toEqual(["connect http://a"]);
});

test("leaving says goodbye, closes, and does nothing twice", () => {
  const rig = Rig.live();
  rig.session.leave();
  rig.session.leave();
  expect(rig.take()).toEqual(["send leave", "disconnect", "state closed", "closed"]);
});
