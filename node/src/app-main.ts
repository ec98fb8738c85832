/** `hearsay node`: one node as a process. */
import "reflect-metadata";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import pino from "pino";
import { type App, createApp } from "./app.ts";
import { ConfigError, type ConfigRequest, type NodeConfig, readConfig } from "./config.ts";
import { LOG_SECRETS } from "./log-secrets.ts";

/** After the first signal; a second one ends at once. */
const STOP_WITHIN_MS = 10_000;
/** Of sysexits.h: the configuration is wrong. */
const EXIT_CONFIG = 78;

/** Runs until a signal ends it; resolves with the exit code. Never rejects. */
export async function runNode(argv: readonly string[]): Promise<number> {
  let request: ConfigRequest;
  try {
    request = readConfig({ argv, env: process.env, readFile: readIfThere, hostName: hostname() });
  } catch (error) {
    if (!(error instanceof ConfigError)) return crashed(error);
    process.stderr.write(`hearsay node: ${error.message}\n`);
    return EXIT_CONFIG;
  }
  if (request.kind !== "run") {
    process.stdout.write(request.text);
    return 0;
  }
  try {
    return await serve(request.config);
  } catch (error) {
    return crashed(error);
  }
}

async function serve(config: NodeConfig): Promise<number> {
  const log = pino({ level: config.logLevel, base: { name: config.name }, redact: [...LOG_SECRETS] });
  const app = createApp(config, { log, processMetrics: true });
  const ended = endOf(log, app);
  await app.start();
  // One line, whatever the level, for people and scripts that wait for it.
  process.stdout.write(`${JSON.stringify(readyLine(app))}\n`);
  const how = await ended;
  log.info({ how: how.why }, "stopping");
  const late = setTimeout(() => process.exit(1), STOP_WITHIN_MS);
  await app.stop();
  clearTimeout(late);
  return how.code;
}

function readyLine(app: App): object {
  const { name, region } = app.config;
  return { level: 30, time: Date.now(), name, msg: "ready", url: app.url, region };
}

/** A signal, a leave that an operator asked for, or a fault that nobody caught: then the state is unknown, so the process ends and a supervisor starts a new one. */
function endOf(log: pino.Logger, app: App): Promise<{ readonly code: number; readonly why: string }> {
  return new Promise((resolve) => {
    let isEnding = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (isEnding) process.exit(1);
      isEnding = true;
      resolve({ code: 0, why: signal });
    };
    app.onLeft(() => {
      if (!isEnding) resolve({ code: 0, why: "left" });
      isEnding = true;
    });
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
    process.on("uncaughtException", (error) => {
      log.fatal({ err: error }, "crashed");
      process.stderr.write(`hearsay node crashed: ${describe(error)}\n`);
      if (isEnding) process.exit(1);
      isEnding = true;
      resolve({ code: 1, why: "crash" });
    });
  });
}

function crashed(error: unknown): number {
  process.stderr.write(`hearsay node ended: ${describe(error)}\n`);
  return 1;
}

/** The message with its causes; each says what was being done. */
function describe(error: unknown): string {
  const parts: string[] = [];
  for (let one = error; one !== undefined && parts.length < 8; one = one instanceof Error ? one.cause : undefined)
    parts.push(one instanceof Error ? `${one.name}: ${one.message}` : String(one));
  const stack = error instanceof Error && error.stack !== undefined ? `\n${error.stack}` : "";
  return `${parts.join("\n  caused by ")}${stack}`;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new ConfigError(`${path} cannot be read`, { code: "unreadable", cause: error });
  }
}
