import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../test/fakes/manual-clock.ts";
import type { Tokens } from "../session/tokens.ts";
import type { Archive, NewUser } from "../store/archive.ts";
import { People } from "./people.ts";
import { ApiError } from "./problems.ts";

const LIMITS = {
  loginPerHandle: { burst: 2, perSecond: 1 },
  loginPerAddress: { burst: 3, perSecond: 1 },
  newPerAddress: { burst: 1, perSecond: 0.5 },
};

function make() {
  const clock = new ManualClock();
  const archive = {
    findUserByHandle: () => Promise.resolve(undefined),
    createUser: (user: NewUser) =>
      Promise.resolve({ kind: "created", user: { ...user, handleKey: null, tokenVersion: 0 } }),
  } as unknown as Archive;
  const tokens = { signUser: () => ({ token: "signed", expiresAtMs: 1 }) } as unknown as Tokens;
  return { clock, people: new People({ archive, tokens, clock, limits: LIMITS }) };
}

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    return error instanceof ApiError ? `${error.code} ${error.retryAfterMs ?? ""}`.trim() : String(error);
  }
}

describe("rates of people", () => {
  test("[A42] logins per handle in any spelling, and per address over all handles", async () => {
    const { people, clock } = make();
    const login = (handle: string, address: string) => outcomeOf(people.login({ handle, password: "x" }, address));
    expect([await login("Ada", "1"), await login("\uff21da", "2"), await login("ada", "3")]).toEqual([
      "bad_credentials",
      "bad_credentials",
      "rate_limited 1000",
    ]);
    expect([await login("b", "1"), await login("c", "1"), await login("d", "1")]).toEqual([
      "bad_credentials",
      "bad_credentials",
      "rate_limited 1000",
    ]);
    await clock.advance(1_000);
    expect(await login("ada", "1")).toBe("bad_credentials");
  });

  test("[A42] new people per address", async () => {
    const { people, clock } = make();
    expect(await outcomeOf(people.enterAsGuest("Jo", "1"))).toBe("done");
    expect(await outcomeOf(people.enterAsGuest("Jo", "1"))).toBe("rate_limited 2000");
    expect(await outcomeOf(people.enterAsGuest("Jo", "2"))).toBe("done");
    await clock.advance(2_000);
    expect(await outcomeOf(people.enterAsGuest("Jo", "1"))).toBe("done");
  });
});
