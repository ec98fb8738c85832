// What a node holds at one moment, and what the samples of hours say together.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { metricsOf } from "../lib/api.mjs";
import { fitLine } from "../lib/fit.mjs";
import { cpuNs, residentKb } from "../lib/proc.mjs";

const MB = 1024 * 1024;
/** Of the product's own figures: what must be the same whenever only those who stay are here. */
const AT_REST = ["hearsay_sessions", "hearsay_media_peers", "hearsay_rooms", "hearsay_media_tracks"];
const megabytes = (bytes) => Math.round((bytes / MB) * 1_000) / 1_000;
const sum = (values) => values.reduce((total, value) => total + value, 0);

export async function restOf(node) {
  const metrics = await metricsOf(node.url);
  return Object.fromEntries(AT_REST.map((name) => [name.replace("hearsay_", ""), metrics.get(name) ?? 0]));
}

/** Open files by kind; of sockets only their number matters. */
function openFiles(pid) {
  const kinds = {};
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const kind = readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/:\[.*/, "");
      const name = kind.startsWith("/") ? "file" : kind;
      kinds[name] = (kinds[name] ?? 0) + 1;
    } catch (error) {
      if (error.code !== "ENOENT") throw error; // closed meanwhile
    }
  }
  return kinds;
}

export async function takeSample(node, startedMs) {
  const { pid } = node.child;
  const threads = await node.inspector.look();
  const all = Object.values(threads);
  const kinds = openFiles(pid);
  const active = all.flatMap((thread) => Object.entries(thread.active));
  return {
    node: node.name,
    minutes: Math.round((performance.now() - startedMs) / 600) / 100,
    rssMb: megabytes(residentKb(pid) * 1024),
    heapMb: megabytes(sum(all.map(({ heapUsed }) => heapUsed))),
    codeMb: megabytes(sum(all.map(({ codeUsed }) => codeUsed))),
    dataMb: megabytes(sum(all.map(({ heapUsed, codeUsed }) => heapUsed - codeUsed))),
    externalMb: megabytes(sum(all.map(({ external }) => external))),
    arrayBuffersMb: megabytes(sum(all.map(({ arrayBuffers }) => arrayBuffers))),
    heapOfThreadsMb: Object.fromEntries(all.map(({ heapUsed }, i) => [Object.keys(threads)[i], megabytes(heapUsed)])),
    fds: sum(Object.values(kinds)),
    fdKinds: kinds,
    osThreads: Number(/Threads:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
    timers: sum(active.filter(([kind]) => kind === "Timeout").map(([, count]) => count)),
    resources: sum(active.map(([, count]) => count)),
    cpuSeconds: Math.round(cpuNs(pid) / 1e7) / 100,
    ...(await restOf(node)),
  };
}

const FLAT_MB_PER_HOUR = 1;
const FLAT_SHARE = 0.02;
/** Of the heap without code, where enough people came to tell; claims that are kept for minutes cost half as much. */
const FLAT_BYTES_PER_VISIT = 500;
const TELLING_VISITS = 500;
/** Code is compiled for half an hour, and in short runs most of what grows is code: they are not judged by memory as a whole. */
const LONG_MINUTES = 60;
/** At the beginning code is compiled, and tables fill that forget by time, the slowest after ten minutes. All three must be over. */
const WARM_UP_SHARE = 0.25;
const WARM_UP_VISITS = 200;
const WARM_UP_MINUTES = 10;
const round = (value, digits = 3) => Number(value.toFixed(digits));

/** Flat: the line through the samples rises by less than 1 MB an hour, or less than 2 % of the mean over its length. */
function trend(samples, field) {
  const points = samples.map((sample) => [sample.minutes / 60, sample[field]]);
  const { slope, error, mean } = fitLine(points);
  const hours = points.at(-1)[0] - points[0][0];
  const isFlat = slope < FLAT_MB_PER_HOUR || slope * hours < FLAT_SHARE * mean;
  return {
    perHour: round(slope),
    standardError: round(error),
    ...visitCost(samples, field),
    mean: round(mean),
    first: samples[0][field],
    last: samples.at(-1)[field],
    isFlat,
  };
}

/** Bytes that a visit adds, and by how much that may be wrong; nothing where nobody came. */
function visitCost(samples, field) {
  if (samples.at(-1).visits === samples[0].visits) return {};
  const { slope, error } = fitLine(samples.map(({ visits, [field]: value }) => [visits, value * MB]));
  return { bytesPerVisit: Math.round(slope), bytesPerVisitError: Math.round(error) };
}

/** The verdict in words; each speaks of something that this run was able to show. */
function words({ rssMb, heapMb, dataMb }, { fds }, samples) {
  const [first, last] = [samples[0], samples.at(-1)];
  const isFlat = rssMb.isFlat && heapMb.isFlat;
  const isDataFlat = dataMb.bytesPerVisit < FLAT_BYTES_PER_VISIT;
  return [
    ...(last.visits - first.visits < TELLING_VISITS ? [] : [isDataFlat ? "data flat" : "DATA GROWS WITH VISITS"]),
    ...(last.minutes < LONG_MINUTES
      ? ["too short for memory and files"]
      : [isFlat ? "memory flat" : "MEMORY GROWS", fds.isConstant ? "files constant" : "FILES VARY"]),
  ];
}

/** Constant: the line through the samples rises by less than one; single samples may meet a connection that just closes. */
function range(samples, field) {
  const points = samples.map((sample) => [sample.minutes / 60, sample[field]]);
  const values = points.map(([, value]) => value);
  const rise = fitLine(points).slope * (points.at(-1)[0] - points[0][0]);
  return { min: Math.min(...values), max: Math.max(...values), rise: round(rise), isConstant: rise < 1 };
}

/** `samples`: of one node. Those with visitors still in are left out, and the warm-up. */
export function judge(samples) {
  const { minutes: end = 0, visits: all = 0 } = samples.at(-1) ?? {};
  const [fromMinutes, fromVisits] = [Math.max(WARM_UP_MINUTES, WARM_UP_SHARE * end), Math.min(WARM_UP_VISITS, all)];
  const isWarm = ({ minutes, visits }) => minutes >= fromMinutes && visits >= fromVisits;
  const taken = samples.filter((sample) => sample.atRest && isWarm(sample));
  if (taken.length < 3) return { verdict: "too few samples", samples: taken.length };
  const memory = Object.fromEntries(
    ["rssMb", "heapMb", "dataMb", "codeMb", "externalMb", "arrayBuffersMb"].map((field) => [
      field,
      trend(taken, field),
    ]),
  );
  const counts = Object.fromEntries(
    ["fds", "osThreads", "timers", "resources", "sessions", "media_peers", "media_tracks", "rooms"].map((field) => [
      field,
      range(taken, field),
    ]),
  );
  return {
    verdict: words(memory, counts, taken).join(", "),
    samples: taken.length,
    visits: [taken[0].visits, all],
    notAtRest: samples.filter((s) => !s.atRest).length,
    memory,
    counts,
  };
}
