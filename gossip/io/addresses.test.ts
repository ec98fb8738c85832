import { describe, expect, test } from "@jest/globals";
import { UsageError } from "../src/types.ts";
import { advertisableHost, parseHostPort, resolveTarget } from "./addresses.ts";

describe("targets", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1", 7946],
    ["10.0.0.1:80", "10.0.0.1", 80],
    ["host.example", "host.example", 7946],
    ["host.example:80", "host.example", 80],
    ["::1", "::1", 7946],
    ["[::1]", "::1", 7946],
    ["[::1]:80", "::1", 80],
  ])("%s", (text, host, port) => {
    expect(parseHostPort(text, 7946)).toEqual({ host, port });
  });

  test.each(["a:b:c", "10.0.0.1:99999", "[::1", "host:port"])("%s is no address", (text) => {
    expect(() => parseHostPort(text, 7946)).toThrow(UsageError);
  });

  test("a name before a slash is for people, the address counts", async () => {
    expect(await resolveTarget("node-7/10.0.0.1:80", 7946)).toEqual([{ host: "10.0.0.1", port: 80 }]);
    expect(await resolveTarget("::1", 7946)).toEqual([{ host: "::1", port: 7946 }]);
  });
});

test("bound to one address, that one is told; bound to all, one that others can reach", () => {
  expect(advertisableHost("10.1.2.3")).toBe("10.1.2.3");
  expect(advertisableHost("0.0.0.0")).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  expect(advertisableHost("0.0.0.0")).not.toBe("0.0.0.0");
  expect(advertisableHost("::")).toContain(":");
});
