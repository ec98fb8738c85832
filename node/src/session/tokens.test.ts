import jwt from "@fastify/jwt";
import { describe, expect, test } from "@jest/globals";
import fastify from "fastify";
import { keyId, MAX_REMEMBERED, type Signer, TokenError, Tokens } from "./tokens.ts";
import { UsedTokens } from "./used-tokens.ts";

const KEY_A = new Uint8Array(32).fill(1);
const KEY_B = new Uint8Array(32).fill(2);
const START_MS = 1_800_000_000_000;

async function signer(): Promise<Signer> {
  const app = fastify();
  await app.register(jwt, { secret: "unused: every call names its key" });
  return app.jwt;
}

async function make(keys: readonly Uint8Array[] = [KEY_A]) {
  const clock = { nowMs: START_MS };
  const jwtSigner = await signer();
  const make = (own: readonly Uint8Array[]) => new Tokens({ signer: jwtSigner, keys: own, nowMs: () => clock.nowMs });
  return { clock, tokens: make(keys), make };
}

const user = { userId: "U1", guest: false, version: 3 };
const session = { ...user, sessionId: "S1", deviceId: "D1", generation: 7 };
const room = {
  sessionId: "S1",
  roomId: "R1",
  slug: "tea",
  title: "Tea",
  userId: "U1",
  displayName: "Ada",
  role: "member" as const,
  grants: { publish: true, subscribe: true, chat: true, moderate: false },
};

const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "accepted";
  } catch (error) {
    return error instanceof TokenError ? error.code : `other: ${String(error)}`;
  }
};

describe("tokens", () => {
  test("[A1] each token says what was signed, and when it ends", async () => {
    const { tokens } = await make();
    expect(tokens.verifyUser(tokens.signUser(user).token)).toEqual(user);
    expect(tokens.verifySession(tokens.signSession(session).token)).toEqual({
      ...session,
      expiresAtMs: START_MS + 86_400_000,
    });
    const signed = tokens.signRoom(room);
    expect(tokens.verifyRoom(signed.token)).toMatchObject({ ...room, expiresAtMs: START_MS + 60_000 });
  });

  test("[A2] no token stands in for another kind", async () => {
    const { tokens } = await make();
    const made = {
      user: tokens.signUser(user).token,
      session: tokens.signSession(session).token,
      room: tokens.signRoom(room).token,
    };
    const verify = {
      user: (token: string) => tokens.verifyUser(token),
      session: (token: string) => tokens.verifySession(token),
      room: (token: string) => tokens.verifyRoom(token),
    };
    for (const kind of ["user", "session", "room"] as const)
      for (const other of ["user", "session", "room"] as const)
        expect([kind, other, codeOf(() => verify[kind](made[other]))]).toEqual([
          kind,
          other,
          kind === other ? "accepted" : "token_invalid",
        ]);
  });

  test("[A3] a token ends at its time: room 60 s, session 24 h, user 30 days", async () => {
    const { tokens, clock } = await make();
    const made = [
      [60_000, tokens.signRoom(room).token, (token: string) => tokens.verifyRoom(token)],
      [86_400_000, tokens.signSession(session).token, (token: string) => tokens.verifySession(token)],
      [30 * 86_400_000, tokens.signUser(user).token, (token: string) => tokens.verifyUser(token)],
    ] as const;
    for (const [lifeMs, token, verify] of made) {
      clock.nowMs = START_MS + lifeMs - 1000;
      expect(codeOf(() => verify(token))).toBe("accepted");
      clock.nowMs = START_MS + lifeMs + 1000;
      expect(codeOf(() => verify(token))).toBe("token_expired");
    }
  });

  test("[A4] keys rotate: the first signs, all of the list verify, others are refused", async () => {
    const { make: withKeys } = await make();
    const old = withKeys([KEY_A]).signUser(user).token;
    expect(codeOf(() => withKeys([KEY_B, KEY_A]).verifyUser(old))).toBe("accepted");
    expect(codeOf(() => withKeys([KEY_B]).verifyUser(old))).toBe("token_invalid");
    const [header = ""] = old.split(".");
    expect(JSON.parse(Buffer.from(header, "base64url").toString())).toMatchObject({ alg: "HS256", kid: keyId(KEY_A) });
  });

  test("[A3] a token that was shown before ends at its time, too, and stands in for no other kind", async () => {
    const { tokens, clock } = await make();
    const { token } = tokens.signSession(session);
    for (const nowMs of [START_MS, START_MS + 86_400_000 - 1]) {
      clock.nowMs = nowMs;
      expect([codeOf(() => tokens.verifySession(token)), codeOf(() => tokens.verifyUser(token))]).toEqual([
        "accepted",
        "token_invalid",
      ]);
    }
    clock.nowMs = START_MS + 86_400_000 + 1;
    expect(codeOf(() => tokens.verifySession(token))).toBe("token_expired");
  });

  test("a token is verified once, and the table of those that were is bounded", async () => {
    const plain = await signer();
    let verified = 0;
    const verify = (...input: Parameters<Signer["verify"]>): unknown => {
      verified += 1;
      return plain.verify(...input);
    };
    const counting = { ...plain, verify: verify as Signer["verify"] };
    const tokens = new Tokens({ signer: counting, keys: [KEY_A], nowMs: () => START_MS });
    const first = tokens.signUser(user).token;
    for (let times = 0; times < 3; times += 1) expect(tokens.verifyUser(first)).toEqual(user);
    expect(verified).toBe(1);
    for (let n = 0; n < MAX_REMEMBERED; n += 1) tokens.verifyUser(tokens.signUser({ ...user, userId: `V${n}` }).token);
    expect(tokens.verifyUser(first)).toEqual(user);
    expect(verified).toBe(MAX_REMEMBERED + 2);
  });

  test("tokens of people who left are forgotten, long before the bound", async () => {
    const { tokens, clock } = await make();
    for (let visit = 0; visit < 100; visit += 1) {
      tokens.verifySession(tokens.signSession({ ...session, sessionId: `S${visit}` }).token);
      clock.nowMs += 60_000;
    }
    expect(tokens.rememberedCount).toBe(10);
  });

  test("[A5] a changed, unsigned, garbled or endless token is refused", async () => {
    const { tokens } = await make();
    const { token } = tokens.signUser(user);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const none = part({ alg: "none", typ: "JWT", kid: keyId(KEY_A) });
    const forged = part({ ...JSON.parse(Buffer.from(payload, "base64url").toString()), sub: "U2" });
    const bad = [
      "",
      "x",
      "a.b.c",
      `${header}.${forged}.${signature}`,
      `${none}.${payload}.`,
      `${token}x`,
      "y".repeat(5000),
    ];
    expect(bad.map((one) => codeOf(() => tokens.verifyUser(one)))).toEqual(bad.map(() => "token_invalid"));
  });

  test("[A6] a room token is used once, and remembered only until it expires", () => {
    const used = new UsedTokens(2);
    expect(used.use({ tokenId: "a", expiresAtMs: 60 }, 0)).toBe(true);
    expect(used.use({ tokenId: "a", expiresAtMs: 60 }, 1)).toBe(false);
    expect(used.use({ tokenId: "b", expiresAtMs: 90 }, 1)).toBe(true);
    // Full: a used token is never forgotten early.
    expect(used.use({ tokenId: "c", expiresAtMs: 90 }, 2)).toBe(false);
    expect(used.use({ tokenId: "c", expiresAtMs: 200 }, 61)).toBe(true);
    expect(used.size).toBe(2);
  });

  test("[A6] the table of used tokens is as long after many visits as after a few", () => {
    const used = new UsedTokens();
    const sizes = Array.from({ length: 2_000 }, (_, visit) => {
      used.use({ tokenId: `t${visit}`, expiresAtMs: visit * 1_000 + 60_000 }, visit * 1_000);
      return used.size;
    });
    expect([Math.max(...sizes), sizes.at(-1)]).toEqual([60, 60]);
  });
});
