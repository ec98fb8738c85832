import { expect, test } from "@jest/globals";
import pino from "pino";
import { LOG_SECRETS } from "./log-secrets.ts";

test("[A83] a logged request, configuration or message shows no secret", () => {
  const lines: string[] = [];
  const log = pino({ redact: [...LOG_SECRETS] }, { write: (line) => lines.push(line) });
  const secret = "nobody-may-read-this";
  log.info({ token: secret, config: { tokenKeys: [secret], mongodbUrl: secret } }, "one");
  log.error(
    { err: { request: { headers: { authorization: secret } } }, message: { type: "hello", token: secret } },
    "two",
  );
  expect(lines.join("")).not.toContain(secret);
  expect(lines.join("")).toContain("[Redacted]");
});
