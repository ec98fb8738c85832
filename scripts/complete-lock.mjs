// npm 11 wants every optional platform package of a native tool in the lock file, also those
// that the registry of the machine that wrote it did not offer (npm/cli issue 9342). This adds
// the missing entries from the optionalDependencies already in the lock. Run it after every
// change of a native tool; `--check` fails when the file would change.
import { readFileSync, writeFileSync } from "node:fs";

const OS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const CPU = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "wasm32"];

const file = new URL("../package-lock.json", import.meta.url);
const before = readFileSync(file, "utf8");
const lock = JSON.parse(before);
const added = [];

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const present = `node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages;
    if (present || !/^\d/.test(version)) continue;
    const words = name.split(/[-/.]/);
    const os = OS.filter((o) => words.includes(o));
    const cpu = CPU.filter((c) => words.includes(c));
    const missing = { version, optional: true };
    if (os.length > 0) missing.os = os;
    if (cpu.length > 0) missing.cpu = cpu;
    if (entry.dev) missing.dev = true;
    lock.packages[`node_modules/${name}`] = missing;
    added.push(name);
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
const after = `${JSON.stringify(lock, null, 2)}\n`;
if (process.argv.includes("--check")) {
  if (added.length > 0) {
    console.error(`package-lock.json misses ${added.join(", ")}; run node scripts/complete-lock.mjs`);
    process.exitCode = 1;
  }
} else if (after !== before) {
  writeFileSync(file, after);
  console.log(`package-lock.json: ${added.length} platform packages added`);
}
