import { describe, expect, test } from "@jest/globals";
import { parseAddressFlag } from "./address-flag.ts";
import { describeFlags, FlagError, type FlagTable, parseFlags } from "./flags.ts";

const TABLE = {
  bind: { kind: "text", value: "address", help: "where" },
  join: { kind: "list", value: "address", help: "whom" },
  quiet: { kind: "boolean", help: "say nothing" },
} satisfies FlagTable;

describe("flags as Go takes them", () => {
  test.each([
    [["-bind=a:1"]],
    [["--bind=a:1"]],
    [["-bind", "a:1"]],
    [["--bind", "a:1"]],
    [["-bind=zork", "-bind=a:1"]],
  ])("%j gives the last value", (argv) => {
    expect(parseFlags(argv, TABLE).text("bind")).toBe("a:1");
  });

  test("lists keep every value, in order and with equals signs inside", () => {
    const flags = parseFlags(["-join", "a=b", "x", "--join=c=d=", "-", "y"], TABLE);
    expect(flags.list("join")).toEqual(["a=b", "c=d="]);
    expect(flags.rest).toEqual(["x", "-", "y"]);
    expect(flags.list("bind")).toEqual([]);
    expect(flags.text("bind")).toBeUndefined();
  });

  test("a boolean takes no next word, but a value behind an equals sign", () => {
    expect(parseFlags(["-quiet", "rest"], TABLE).has("quiet")).toBe(true);
    expect(parseFlags(["-quiet", "rest"], TABLE).rest).toEqual(["rest"]);
    expect(parseFlags(["-quiet=false"], TABLE).has("quiet")).toBe(false);
    expect(parseFlags([], TABLE).has("quiet")).toBe(false);
  });

  test("two dashes end the flags", () => {
    expect(parseFlags(["-quiet", "--", "-bind"], TABLE).rest).toEqual(["-bind"]);
  });

  test.each([
    [["-zork"], "flag provided but not defined: -zork"],
    [["--toString"], "flag provided but not defined: -toString"],
    [["-bind"], "flag needs an argument: -bind"],
    [["---bind=x"], "bad flag syntax: ---bind=x"],
    [["-=x"], "bad flag syntax: -=x"],
  ])("%j is refused: %s", (argv, message) => {
    expect(() => parseFlags(argv, TABLE)).toThrow(new FlagError(message));
  });

  test("the help lists them in columns", () => {
    expect(describeFlags(TABLE)).toBe("  -bind=address  where\n  -join=address  whom\n  -quiet         say nothing\n");
  });
});

describe("addresses", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1", 7],
    ["10.0.0.1:80", "10.0.0.1", 80],
    [":80", "", 80],
    ["", "", 7],
    ["::1", "::1", 7],
    ["[::1]:80", "::1", 80],
    ["host", "host", 7],
  ])("%s", (text, host, port) => {
    expect(parseAddressFlag(text, 7)).toEqual({ host, port });
  });

  test.each(["a:b", "a:99999", "[::1", "a:1:2"])("%s is refused", (text) => {
    expect(() => parseAddressFlag(text, 7)).toThrow(FlagError);
  });
});
