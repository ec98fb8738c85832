// npm run bench:relay: what a viewer far away sees of a publisher over one node, at either end, and over two nodes with a trunk
// between. Bundles calls.bench.ts with the fixtures of the tests; the media planes are the built ones, in their worker threads.
// Needs Chromium. See bench/README.md.
//   --profiles clean,evening,cut,control  --ways one-near,one-far,trunk  --secs N (60)  --seed N (1)  --size 960x540
import { parseArgs } from "node:util";
import { runCalls } from "../lib/calls.mjs";

const { values } = parseArgs({
  options: {
    profiles: { type: "string", default: "clean,evening,cut,control" },
    ways: { type: "string", default: "one-near,one-far,trunk" },
    secs: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    size: { type: "string", default: "960x540" },
  },
});
const [width, height] = values.size.split("x").map(Number);
const [profiles, ways] = [values.profiles, values.ways].map((list) => list.split(","));
const [seconds, seed] = [values.secs, values.seed].map(Number);
const result = await runCalls(import.meta.dirname, { profiles, ways, seconds, seed, width, height });
console.log(JSON.stringify({ bench: "relay", ...result }));
process.exit(0);
