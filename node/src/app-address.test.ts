import { expect, test } from "@jest/globals";
import { addressToTell, hostOnly, isThisMachine } from "./app-address.ts";

test("[A82] a node knows which addresses are its machine's, and which it tells others", () => {
  const urls = [
    "http://127.0.0.1:7400",
    "http://[::1]:1",
    "http://localhost",
    "http://192.0.2.7:7400",
    "https://other.example",
    "no URL",
  ];
  expect(urls.map(isThisMachine)).toEqual([true, true, true, false, false, false]);
  expect(["10.0.0.1", "10.0.0.1:80", "[::2]:80", "[::2]", "::2", "host:80"].map(hostOnly)).toEqual([
    "10.0.0.1",
    "10.0.0.1",
    "::2",
    "::2",
    "::2",
    "host",
  ]);
  expect(addressToTell("127.0.0.1", ["192.0.2.7"])).toBe("127.0.0.1");
  expect(addressToTell("0.0.0.0", ["192.0.2.7:7600"])).toBe("192.0.2.7");
  expect(addressToTell("::", ["[2001:db8::7]:7600"])).toBe("[2001:db8::7]");
  expect(addressToTell("0.0.0.0", [])).toMatch(/^[0-9.]+$/);
});
