// How a client reaches a server: one adapter for Hearsay's media plane (bench/forward/server.mjs),
// one for the videoroom plug-in of Janus over its WebSocket. Each gives
//   publish(pc)   → resolves when the server has the publisher
//   subscribe(pc) → resolves when signalling is done; the caller waits for the connection
import { randomUUID } from "node:crypto";
import WebSocket from "ws";

export function connectSignal(base) {
  return base.startsWith("janus:") ? janus(base.slice(6)) : hearsay(base);
}

async function post(url, body) {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// Hearsay: the client always offers, also for what it only receives (slots).
function hearsay(base) {
  const offer = async (path, pc) => {
    await pc.setLocalDescription(await pc.createOffer());
    const { sdp } = await post(`${base}/${path}`, { sdp: pc.localDescription.sdp });
    await pc.setRemoteDescription({ type: "answer", sdp });
  };
  return {
    publish: (pc) => offer("publish", pc),
    subscribe: (pc) => {
      pc.addTransceiver("audio", { direction: "recvonly" });
      pc.addTransceiver("video", { direction: "recvonly" });
      return offer("subscribe", pc);
    },
  };
}

// Janus: https://janus.conf.meetecho.com/docs/videoroom.html; the server offers to subscribers.
async function janus(address) {
  const url = new URL(address);
  const room = Number(url.searchParams.get("room"));
  const socket = new WebSocket(`ws://${url.host}/`, "janus-protocol");
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const waiting = new Map();
  socket.on("message", (data) => {
    const message = JSON.parse(String(data));
    const wait = waiting.get(message.transaction);
    if (wait === undefined || (message.janus === "ack" && wait.skipAck)) return;
    waiting.delete(message.transaction);
    const failed = message.janus === "error" || message.plugindata?.data?.error !== undefined;
    if (failed) wait.reject(new Error(JSON.stringify(message)));
    else wait.resolve(message);
  });
  const send = (body, skipAck = false) =>
    new Promise((resolve, reject) => {
      const transaction = randomUUID();
      waiting.set(transaction, { resolve, reject, skipAck });
      socket.send(JSON.stringify({ ...body, transaction }));
    });
  const session_id = (await send({ janus: "create" })).data.id;
  setInterval(() => void send({ janus: "keepalive", session_id }), 20_000).unref();
  const attach = async () => (await send({ janus: "attach", session_id, plugin: "janus.plugin.videoroom" })).data.id;
  const ask = (handle_id, body, { jsep, skipAck = true } = {}) =>
    send({ janus: "message", session_id, handle_id, body, ...(jsep === undefined ? {} : { jsep }) }, skipAck);
  return {
    async publish(pc) {
      await pc.setLocalDescription(await pc.createOffer());
      const handle = await attach();
      const setup = {
        request: "create",
        room,
        publishers: 4,
        bitrate: 5_000_000,
        videocodec: "vp8",
        audiocodec: "opus",
        fir_freq: 0,
      };
      await ask(handle, { ...setup, transport_wide_cc_ext: true }, { skipAck: false });
      await ask(handle, { request: "join", ptype: "publisher", room });
      const jsep = { type: "offer", sdp: pc.localDescription.sdp };
      const answer = await ask(handle, { request: "configure", audio: true, video: true }, { jsep });
      await pc.setRemoteDescription({ type: "answer", sdp: answer.jsep.sdp });
    },
    async subscribe(pc) {
      const handle = await attach();
      const list = await ask(handle, { request: "listparticipants", room }, { skipAck: false });
      const feed = list.plugindata.data.participants.find((p) => p.publisher).id;
      const offer = await ask(handle, { request: "join", ptype: "subscriber", room, streams: [{ feed }] });
      await pc.setRemoteDescription({ type: "offer", sdp: offer.jsep.sdp });
      await pc.setLocalDescription(await pc.createAnswer());
      await ask(handle, { request: "start", room }, { jsep: { type: "answer", sdp: pc.localDescription.sdp } });
    },
  };
}
