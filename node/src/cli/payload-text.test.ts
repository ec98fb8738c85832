import { expect, test } from "@jest/globals";
import { payloadText } from "./payload-text.ts";

test("a payload cannot steer the terminal", () => {
  expect(payloadText(Buffer.from("red\n\tblüe \u001b[2J\u009b\r\u0000"))).toBe("red\n\tblüe ?[2J???");
  expect(payloadText(Uint8Array.of(0xff))).toBe("\ufffd");
});
