import { expect, test } from "@jest/globals";
import { ROUTER_DEFAULTS, resolveRouterOptions } from "./options.ts";

test("defaults are filled in and frozen", () => {
  const options = resolveRouterOptions({ nackAttempts: 3 });

  expect(options).toEqual({ ...ROUTER_DEFAULTS, nackAttempts: 3 });
  expect(Object.isFrozen(options)).toBe(true);
});

test("impossible options are refused", () => {
  expect(() => resolveRouterOptions({ cacheMs: 0 })).toThrow(RangeError);
  expect(() => resolveRouterOptions({ tickMs: 200 })).toThrow(RangeError);
});
