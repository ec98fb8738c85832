// Hearsay's media plane alone, as a node runs it (one worker thread), with two HTTP calls in front of it.
// Prints "listening <port>" when it is up. Needs a build (npm run build:node). Argument: the checkout, default this one.
import "reflect-metadata";
import { createServer } from "node:http";
import { fileURLToPath, pathToFileURL } from "node:url";

const checkout = process.argv[2] ?? fileURLToPath(new URL("../..", import.meta.url));
const { createMediaPlane } = await import(pathToFileURL(`${checkout}/dist/node/src/media/media-plane.js`).href);

const ROOM = "bench";
const advertise = process.env.BENCH_HOST ?? "127.0.0.1";
const plane = createMediaPlane({ workers: 1, port: 0, advertise: [advertise] });
await plane.start();
const published = [];
let peers = 0;

async function publish(sdp) {
  peers += 1;
  const peerId = `publisher-${peers}`;
  const mids = [...sdp.matchAll(/m=(audio|video)[\s\S]*?a=mid:(\S+)/g)];
  const tracks = mids.map(([, kind, mid]) => ({
    mid,
    source: kind === "audio" ? "microphone" : "camera",
    trackId: `${peerId}-${kind}`,
  }));
  const result = await plane.negotiate({ peerId, roomId: ROOM, sdp, tracks, fresh: true });
  published.push(...result.tracks);
  return result.sdp;
}

async function subscribe(sdp) {
  peers += 1;
  const peerId = `subscriber-${peers}`;
  const result = await plane.negotiate({ peerId, roomId: ROOM, sdp, tracks: [], fresh: true });
  for (const slot of result.slots) {
    const track = published.find(({ kind }) => kind === slot.kind);
    plane.assignSlot({ peerId, mid: slot.mid, trackId: track.trackId, target: { width: 1_280, height: 720 } });
  }
  return result.sdp;
}

const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  try {
    if (request.url === "/stats") return void response.end(JSON.stringify(await plane.stats()));
    const { sdp } = JSON.parse(body);
    response.end(JSON.stringify({ sdp: await (request.url === "/publish" ? publish(sdp) : subscribe(sdp)) }));
  } catch (error) {
    response.statusCode = 500;
    response.end(JSON.stringify({ error: error.stack }));
  }
});
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
process.on("SIGTERM", () => process.exit(0));
