import { afterEach, describe, expect, test } from "@jest/globals";
import { fakeOffer } from "../fakes/fake-media-plane.ts";
import { call, expectStatus, fastClock, TestMesh, type TestNode, until } from "./harness.ts";

let mesh: TestMesh;
afterEach(() => mesh.stop());

async function twoNodes(): Promise<readonly [TestNode, TestNode]> {
  mesh = new TestMesh();
  return [await mesh.start("ada"), await mesh.start("bell")];
}

async function roomOf(node: TestNode, slug: string, capacity = 8) {
  const owner = await mesh.user(node, "owner");
  const room = await mesh.room(node, owner.token, { slug, capacity });
  return { owner, room, slug };
}

describe("a session that loses its socket", () => {
  test("[A20] resumes on the same node: missed messages follow, numbering goes on, nobody saw a leave", async () => {
    const [ada, bell] = await twoNodes();
    const { owner, slug, room } = await roomOf(ada, "resume-here");
    const stays = await mesh.enter(bell, { token: owner.token, slug });
    const guest = await mesh.guest(ada, "Jo");
    const comes = await mesh.enter(ada, { token: guest.token, slug });
    await stays.client.until("the guest", (m) => m.type === "participantJoined");

    const lastSeq = comes.client.lastSeq;
    comes.client.cut();
    await stays.client.until(
      "reconnecting",
      (m) => m.type === "participantUpdated" && m.participant.state === "reconnecting",
    );
    expectStatus(
      201,
      await call(bell, "POST", `/v1/rooms/${slug}/messages`, { token: owner.token, body: { text: "you missed this" } }),
    );

    const back = await mesh.client(ada);
    expect(await back.hello(comes.session.token, lastSeq)).toMatchObject({ resumed: true, epoch: 1, seq: lastSeq + 1 });
    await back.until("the missed message", (m) => m.type === "message" && m.message.text === "you missed this");
    const seqs = back.messages.map((m) => m.seq);
    expect(seqs).toEqual(seqs.map((_, index) => lastSeq + 1 + index));
    await stays.client.until(
      "active again",
      (m) => m.type === "participantUpdated" && m.participant.state === "active" && m.seq > 2,
    );
    expect(stays.client.of("participantLeft")).toEqual([]);
    expect(await back.request({ type: "leave" })).toMatchObject({ type: "ok" });
    expect((await mesh.occupantsOf(room.roomId)).length).toBe(1);
  });

  test("[A21] leaves for good when the resume time is over, and its token opens nothing it left", async () => {
    const [ada, bell] = await twoNodes();
    const { owner, slug, room } = await roomOf(ada, "gone");
    const stays = await mesh.enter(bell, { token: owner.token, slug });
    const guest = await mesh.guest(ada, "Jo");
    const goes = await mesh.enter(ada, { token: guest.token, slug });
    const { lastSeq } = goes.client;
    goes.client.close();
    expect(await stays.client.until("the leave", (m) => m.type === "participantLeft")).toMatchObject({
      participantId: goes.participantId,
      reason: "timeout",
    });
    await until("the place is free", async () => (await mesh.occupantsOf(room.roomId)).length === 1);
    const late = await mesh.client(ada);
    expect(await late.hello(goes.session.token, lastSeq)).toMatchObject({ resumed: false });
    expect(await late.request({ type: "leave" })).toMatchObject({ type: "error", code: "not_joined" });
  });

  test("[A29] whose page is closed is seen leaving, keeps the place, and enters again with the same session", async () => {
    mesh = new TestMesh();
    const parts = { times: { silenceMs: 20_000, resumeMs: 20_000, pageGoneMs: 100 } };
    const [ada, bell] = [await mesh.start("ada", { parts }), await mesh.start("bell", { parts })];
    const { owner, slug, room } = await roomOf(ada, "closed-tab", 2);
    const stays = await mesh.enter(bell, { token: owner.token, slug });
    const guest = await mesh.guest(ada, "Jo");
    const goes = await mesh.enter(ada, { token: guest.token, slug });
    const { lastSeq } = goes.client;
    goes.client.close();
    const left = await stays.client.until("the leave", (m) => m.type === "participantLeft");
    expect(left).toMatchObject({ participantId: goes.participantId, reason: "left" });
    expect((await mesh.occupantsOf(room.roomId)).length).toBe(2);
    const third = await mesh.session(bell, (await mesh.guest(bell, "Third")).token);
    await (await mesh.client(bell)).hello(third.token);
    expect((await mesh.ticket(bell, third, slug)).body).toMatchObject({ code: "room_full" });

    const back = await mesh.client(ada);
    expect(await back.hello(goes.session.token, lastSeq)).toMatchObject({ resumed: false, epoch: 1 });
    const ticket = expectStatus(200, await mesh.ticket(ada, goes.session, slug));
    expect(await back.request({ type: "join", token: ticket.token })).toMatchObject({ type: "joined" });
    await until("the return is seen", () => stays.client.of("participantJoined").length === 2);
  });

  test("[A22] resumes on another node with a higher epoch while the first still lives, as one continuous participant", async () => {
    const [ada, bell] = await twoNodes();
    const { owner, slug, room } = await roomOf(ada, "wanderer", 2);
    const stays = await mesh.enter(ada, { token: owner.token, slug });
    const guest = await mesh.guest(ada, "Jo");
    const moves = await mesh.enter(ada, { token: guest.token, slug });
    await stays.client.until("the guest", (m) => m.type === "participantJoined");
    const { lastSeq } = moves.client;

    const elsewhere = await mesh.client(bell);
    expect(await elsewhere.hello(moves.session.token, lastSeq)).toMatchObject({
      resumed: false,
      epoch: 2,
      node: "bell",
    });
    expect(await moves.client.closed).toMatchObject({ reason: "superseded" });
    const ticket = expectStatus(200, await mesh.ticket(ada, moves.session, slug));
    expect(await elsewhere.request({ type: "join", token: ticket.token })).toMatchObject({
      type: "joined",
      participantId: moves.participantId,
    });
    await stays.client.until("the move", (m) => m.type === "participantUpdated" && m.participant.node === "bell");
    // Past the time in which the old node kept the place.
    await until("the old node has forgotten", async () => {
      const text = await (await fetch(`${ada.app.url}/metrics`)).text();
      return text.includes("hearsay_sessions 1\n");
    });
    expect(stays.client.of("participantLeft")).toEqual([]);
    expect((await mesh.occupantsOf(room.roomId)).map((occupant) => [occupant.node, occupant.epoch]).sort()).toEqual([
      ["ada", 1],
      ["bell", 2],
    ]);
    // And back again, before anybody has forgotten anything.
    const home = await mesh.client(ada);
    expect(await home.hello(moves.session.token)).toMatchObject({ epoch: 3, node: "ada" });
  });

  test("[A23] is superseded at once by a newer session of its device, on the same node or another", async () => {
    const [ada, bell] = await twoNodes();
    const { owner, slug, room } = await roomOf(ada, "refresh", 2);
    const stays = await mesh.enter(ada, { token: owner.token, slug });
    const guest = await mesh.guest(ada, "Jo");
    let before = await mesh.enter(ada, { token: guest.token, slug });
    for (const node of [ada, bell, ada]) {
      const after = await mesh.enter(node, { token: guest.token, slug });
      expect(after.participantId).toBe(before.participantId);
      expect(await before.client.closed).toMatchObject({ reason: "superseded", code: 4001 });
      expect(before.client.of("closing")).toMatchObject([{ reason: "superseded" }]);
      const stale = await mesh.client(ada);
      expect(await stale.request({ type: "hello", protocol: 1, token: before.session.token })).toMatchObject({
        type: expect.stringMatching(/error|welcome/),
      });
      // Whatever the old session is told at hello, it does not get into the room again.
      const refused = await mesh.ticket(ada, before.session, slug);
      expect(["no_session", "session_superseded"]).toContain(refused.body.code);
      before = after;
    }
    expect(stays.client.of("participantJoined").length).toBe(1);
    expect(stays.client.of("participantLeft")).toEqual([]);
    expect(new Set((await mesh.occupantsOf(room.roomId)).map((occupant) => occupant.userId)).size).toBe(2);
  });

  test("[A24] a room of two always lets its own people back in, and nobody else", async () => {
    const [ada, bell] = await twoNodes();
    const { owner, slug } = await roomOf(ada, "for-two", 2);
    await mesh.enter(ada, { token: owner.token, slug });
    const guest = await mesh.guest(ada, "Jo");
    await mesh.enter(bell, { token: guest.token, slug });
    const third = await mesh.guest(bell, "Third");
    const session = await mesh.session(bell, third.token);
    const client = await mesh.client(bell);
    await client.hello(session.token);
    expect((await mesh.ticket(ada, session, slug)).body).toMatchObject({ code: "room_full", status: 409 });
    await mesh.enter(bell, { token: owner.token, slug });
    // Another device of somebody inside is the same person.
    await mesh.enter(ada, { token: guest.token, slug, deviceId: "phone" });
    expect((await mesh.ticket(ada, session, slug)).body).toMatchObject({ code: "room_full" });
  });
});

describe("a node that goes", () => {
  test("[A22] whoever had moved to it comes back as the newest claim, though its records went with it", async () => {
    const [ada, bell] = await twoNodes();
    const { owner, slug } = await roomOf(ada, "there-and-back");
    const stays = await mesh.enter(ada, { token: owner.token, slug });
    const guest = await mesh.guest(ada, "Jo");
    const moves = await mesh.enter(ada, { token: guest.token, slug });
    const away = await mesh.client(bell);
    expect(await away.hello(moves.session.token, moves.client.lastSeq)).toMatchObject({ epoch: 2 });
    const there = expectStatus(200, await mesh.ticket(bell, moves.session, slug));
    expect(await away.request({ type: "join", token: there.token })).toMatchObject({ type: "joined" });
    await stays.client.until("the move", (m) => m.type === "participantUpdated" && m.participant.node === "bell");

    await bell.app.stop();
    const home = await mesh.client(ada);
    expect((await home.hello(moves.session.token, away.lastSeq)).epoch).toBeGreaterThan(2);
    const back = expectStatus(200, await mesh.ticket(ada, moves.session, slug));
    expect(await home.request({ type: "join", token: back.token })).toMatchObject({ type: "joined" });
    await stays.client.until(
      "the return",
      (m) => m.type === "participantUpdated" && m.participant.node === "ada" && m.participant.state === "active",
    );
    expect(stays.client.of("participantLeft")).toEqual([]);
  });

  test("[A25] killed: its people vanish after the resume time, records and all; whoever came back elsewhere stays", async () => {
    mesh = new TestMesh({ clock: fastClock(15) });
    const [ada, bell, third] = [await mesh.start("ada"), await mesh.start("bell"), await mesh.start("curie")];
    const { owner, slug, room } = await roomOf(ada, "survivors");
    const stays = await mesh.enter(ada, { token: owner.token, slug });
    stays.client.keepAlive(100);
    const [lost, saved] = [await mesh.guest(ada, "Lost"), await mesh.guest(ada, "Saved")];
    const gone = await mesh.enter(bell, { token: lost.token, slug });
    const moves = await mesh.enter(bell, { token: saved.token, slug });
    await stays.client.until("both", () => stays.client.of("participantJoined").length === 2);

    await mesh.kill(bell);
    const elsewhere = await mesh.client(third);
    elsewhere.keepAlive(100);
    expect(await elsewhere.hello(moves.session.token, moves.client.lastSeq)).toMatchObject({
      resumed: false,
      epoch: 2,
    });
    const ticket = expectStatus(200, await mesh.ticket(third, moves.session, slug));
    expect(await elsewhere.request({ type: "join", token: ticket.token })).toMatchObject({ type: "joined" });

    expect(await stays.client.until("the loss", (m) => m.type === "participantLeft")).toMatchObject({
      participantId: gone.participantId,
      reason: "nodeFailed",
    });
    await until("the records are reaped", async () => (await mesh.occupantsOf(room.roomId)).length === 2);
    expect((await mesh.occupantsOf(room.roomId)).map((occupant) => occupant.node).sort()).toEqual(["ada", "curie"]);
    expect(stays.client.of("participantLeft").length).toBe(1);
    await stays.client.until("the move", (m) => m.type === "participantUpdated" && m.participant.node === "curie");
  });

  test("[A26] stopped: its clients are told where to go, its records are gone, and readiness says so first", async () => {
    const [ada, bell] = await twoNodes();
    const { owner, slug, room } = await roomOf(ada, "moving-day");
    const inside = await mesh.enter(bell, { token: owner.token, slug });
    await bell.app.stop();
    expect(await inside.client.closed).toMatchObject({ code: 4003 });
    expect(inside.client.of("closing")).toMatchObject([{ reason: "draining", goTo: ada.app.url }]);
    expect(await mesh.occupantsOf(room.roomId)).toEqual([]);
    expect((await bell.app.readiness()).ready).toBe(false);
    const next = await mesh.client(ada);
    expect(await next.hello(inside.session.token, inside.client.lastSeq)).toMatchObject({ resumed: false });
    expectStatus(200, await mesh.ticket(ada, inside.session, slug));
  });

  test("[A27] started again under its name: who comes back in time has the place still, and the rest is cleared", async () => {
    const [ada, bell] = await twoNodes();
    const { owner, slug, room } = await roomOf(ada, "phoenix", 2);
    const returns = await mesh.enter(bell, { token: owner.token, slug });
    const guest = await mesh.guest(ada, "Jo");
    await mesh.enter(bell, { token: guest.token, slug });
    await mesh.kill(bell);
    expect((await mesh.occupantsOf(room.roomId)).length).toBe(2);
    const again = await mesh.start("bell");
    const client = await mesh.client(again);
    client.keepAlive(300);
    expect(await client.hello(returns.session.token, returns.client.lastSeq)).toMatchObject({ epoch: 2 });
    await until("the other place is free", async () => (await mesh.occupantsOf(room.roomId)).length === 1);
    expect(await mesh.occupantsOf(room.roomId)).toMatchObject([{ sessionId: returns.session.sessionId, epoch: 2 }]);
  });
});

test("[A14] media that stays gone while the socket lives ends the session, with a word to its client", async () => {
  mesh = new TestMesh({ clock: fastClock(20) });
  const ada = await mesh.start("ada");
  const { owner, slug, room } = await roomOf(ada, "silent-media");
  const stays = await mesh.enter(ada, { token: owner.token, slug });
  stays.client.keepAlive(100);
  const guest = await mesh.guest(ada, "Jo");
  const goes = await mesh.enter(ada, { token: guest.token, slug });
  goes.client.keepAlive(100);
  const tracks = [{ mid: "0", kind: "audio", source: "microphone" }] as const;
  const sdp = fakeOffer({ tracks: [{ mid: "0", kind: "audio" }] });
  expect(await goes.client.request({ type: "offer", sdp, tracks, fresh: true })).toMatchObject({ type: "answer" });
  const [peerId = ""] = ada.media.peers.keys();
  ada.media.emit({ kind: "peerState", peerId, state: "gone" });
  expect(await goes.client.closed).toMatchObject({ code: 4006, reason: "expired" });
  expect(await stays.client.until("the leave", (m) => m.type === "participantLeft")).toMatchObject({
    reason: "timeout",
  });
  await until("the place is free", async () => (await mesh.occupantsOf(room.roomId)).length === 1);
});
