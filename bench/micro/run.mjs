/**
 * Runs one micro benchmark from its TypeScript source: `node bench/micro/run.mjs fan-out [name=value ...]`. Flags of Node
 * such as --cpu-prof go before the script. The last line printed is one JSON object.
 */
import { join } from "node:path";
import { withBundle } from "../lib/bundle.mjs";

const name = process.argv[2];
if (name === undefined || !/^[a-z-]+$/.test(name)) {
  console.error("usage: node bench/micro/run.mjs <benchmark> [name=value ...]");
  process.exit(2);
}
const options = Object.fromEntries(process.argv.slice(3).map((argument) => argument.split("=")));
const result = await withBundle(join(import.meta.dirname, `${name}.bench.ts`), ({ run }) => run(options));
console.log(JSON.stringify(result));
