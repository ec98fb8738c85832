// npm run bench:quality: what people see in a real Chromium when their links are bad. Bundles calls.bench.ts with the fixtures
// of the browser tests; the media plane is the built one, in its worker thread. Needs Chromium. See bench/README.md.
//   --only loss,step,trunk  --secs N (60)  --seed N (1)  --size 960x540  --down-loss R (0.05)  --up-loss R (0.05)
import { parseArgs } from "node:util";
import { runCalls } from "../lib/calls.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "loss,step,trunk" },
    secs: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    size: { type: "string", default: "960x540" },
    "down-loss": { type: "string", default: "0.05" },
    "up-loss": { type: "string", default: "0.05" },
  },
});
const [width, height] = values.size.split("x").map(Number);
const { only, secs, seed } = values;
const result = await runCalls(import.meta.dirname, {
  ...{ only: only.split(","), seconds: Number(secs), seed: Number(seed), width, height },
  ...{ downLoss: Number(values["down-loss"]), upLoss: Number(values["up-loss"]) },
});
console.log(JSON.stringify({ bench: "quality", ...result }));
process.exit(0);
