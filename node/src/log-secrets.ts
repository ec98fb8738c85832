/**
 * What must not be in a log, wherever it stands in a logged object, as paths of pino's redaction. Nothing logs such a thing
 * on purpose; this is for the day on which somebody logs a whole request or configuration.
 */
const NAMES = [
  "token",
  "password",
  "passwordHash",
  "authorization",
  "tokenKeys",
  "gossipKeys",
  "operatorKey",
  "rpcAuthKey",
  "mongodbUrl",
  "redisUrl",
] as const;

/** Three levels deep, which is a header of a request in an error. */
export const LOG_SECRETS: readonly string[] = NAMES.flatMap((name) => [
  name,
  `*.${name}`,
  `*.*.${name}`,
  `*.*.*.${name}`,
]);
