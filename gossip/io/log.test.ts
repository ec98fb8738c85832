import { expect, test } from "@jest/globals";
import { formatLine, type Logger, LogTee } from "./log.ts";

const noon = new Date(2026, 0, 2, 3, 4, 5);

test("a line has the reference's form, fields behind the text, errors by their words", () => {
  const fields = {
    node: "a",
    count: 3,
    why: "two words",
    error: new Error("broken"),
    to: { port: 1 },
    none: undefined,
  };
  expect(formatLine({ at: noon, level: "error", fields, text: "it failed" })).toBe(
    '2026/01/02 03:04:05 [ERR] it failed node=a count=3 why="two words" error="broken" to={"port":1} none=undefined',
  );
});

test("lines go on to the target and to listeners, and the last 512 are kept", () => {
  const passed: string[] = [];
  const pass =
    (level: string) =>
    (_: object, text: string): void => {
      passed.push(`${level} ${text}`);
    };
  const target: Logger = { debug: pass("debug"), info: pass("info"), warn: pass("warn"), error: pass("error") };
  const log = new LogTee(target, () => noon);
  const heard: string[] = [];
  const stop = log.onLine((line) => heard.push(line.level));
  log.debug({}, "1");
  log.info({}, "2");
  log.warn({}, "3");
  stop();
  log.error({}, "4");
  expect(passed).toEqual(["debug 1", "info 2", "warn 3", "error 4"]);
  expect(heard).toEqual(["debug", "info", "warn"]);
  for (let i = 0; i < 600; i += 1) log.info({ i }, "many");
  expect(log.recent()).toHaveLength(512);
  expect(log.recent().at(-1)!.text).toContain("i=599");
});
