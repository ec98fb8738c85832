// npm run bench:forward: CPU per forwarded packet, Hearsay's media plane against Janus at event_loops 0, 1 and 2, the
// same clients for each, everything inside a network namespace that is removed afterwards. Servers take turns within a
// round, so that a slow minute of the machine hits all of them. See bench/README.md for the method.
//   --rounds N (2)  --subs 10,50,100  --secs S (5)  --servers hearsay,janus0,janus1,janus2
// A server named hearsay=FOLDER is the build of another checkout, to compare two builds in one run.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createNamespace } from "../lib/namespace.mjs";
import { median } from "../lib/proc.mjs";

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "2" },
    subs: { type: "string", default: "10,50,100" },
    secs: { type: "string", default: "5" },
    servers: { type: "string", default: "hearsay,janus0,janus1,janus2" },
  },
});
const servers = options.servers.split(",");
const counts = options.subs.split(",").map(Number);

async function measure(namespace, server, folder) {
  const env = { ...process.env, BENCH_HOST: namespace.address, BENCH_SUBS: options.subs, BENCH_SECS: options.secs };
  const script = fileURLToPath(new URL("./measure.mjs", import.meta.url));
  const child = namespace.spawn(process.execPath, [script, server, folder], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  measuring = child;
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`measuring ${server} ended with ${code}`);
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const round = (value, digits = 2) => Number(value.toFixed(digits));

function summarise(rows) {
  const cell = (server, count, field) =>
    median(rows.filter((r) => r.server === server && r.subscribers === count).map((r) => r[field]));
  const table = Object.fromEntries(
    servers.map((server) => [
      server,
      Object.fromEntries(
        counts.map((count) => [
          count,
          {
            microsecondsPerPacket: round(cell(server, count, "microsecondsPerPacket")),
            lossRatio: round(cell(server, count, "lossRatio"), 4),
            joinCpuMs: round(cell(server, count, "joinCpuMs"), 1),
            memoryKbPerSubscriber: Math.round(cell(server, count, "memoryKbPerSubscriber")),
          },
        ]),
      ),
    ]),
  );
  const best = (count) =>
    Math.min(...servers.filter((s) => s.startsWith("janus")).map((s) => table[s][count].microsecondsPerPacket));
  const ratios = (to) =>
    table.hearsay === undefined
      ? {}
      : Object.fromEntries(
          counts.map((count) => [count, round(table.hearsay[count].microsecondsPerPacket / to(count))]),
        );
  const shipped = table.janus0 === undefined ? {} : ratios((count) => table.janus0[count].microsecondsPerPacket);
  return { ratio: servers.length > 1 ? ratios(best) : {}, ratioToShipped: shipped, table };
}

const folder = mkdtempSync(join(tmpdir(), "hearsay-forward-"));
const namespace = createNamespace("forward");
let measuring;
function cleanUp() {
  namespace.remove();
  rmSync(folder, { recursive: true, force: true });
}
let ending = false;
// A second signal (`timeout` sends two) must not cut the cleaning short.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    if (ending) return;
    ending = true;
    measuring?.kill("SIGTERM");
    cleanUp();
    process.exit(1);
  });
}
const rows = [];
try {
  for (let turn = 1; turn <= Number(options.rounds); turn += 1) {
    for (const server of servers) {
      const measured = await measure(namespace, server, folder);
      rows.push(...measured);
      const cells = counts.map((count) => {
        const mine = measured.filter((r) => r.subscribers === count).map((r) => r.microsecondsPerPacket);
        return `${count}: ${median(mine).toFixed(1)} µs`;
      });
      console.log(`round ${turn}  ${server.padEnd(8)} ${cells.join("   ")}`);
    }
  }
  console.log(JSON.stringify({ bench: "forward", ...summarise(rows) }));
} finally {
  cleanUp();
}
