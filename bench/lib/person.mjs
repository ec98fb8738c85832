// Somebody in a room, for benchmarks of whole nodes: HTTP and WebSocket as the SDK speaks them, and one werift peer connection
// with a real ICE and DTLS handshake.
import { randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { connected, peerConnection, werift } from "../forward/client.mjs";
import { extensionIds, Feedback } from "../forward/feedback.mjs";
import { call } from "./api.mjs";

const REPLY_WITHIN_MS = 15_000;
const PING_EVERY_MS = 3_000;
const FEEDBACK_EVERY_MS = 100;
const REPORT_EVERY_MS = 1_000;
/** FMT of transport-wide feedback. */
const TRANSPORT_WIDE = 15;
const LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

export class Person {
  /** Everybody else who is here, by id. */
  others = new Map();
  /** What was heard of each type of message. */
  heard = {};
  /** Once in a room. */
  participantId = undefined;
  /** Media packets that arrived. */
  packets = 0;
  pc = undefined;
  microphone = undefined;
  camera = undefined;
  #url;
  #token;
  #socket;
  #session;
  #lastSeq = 0;
  #replies = new Map();
  #ping = undefined;
  #reports = [];

  /** `token`: of the user. */
  constructor(url, token) {
    this.#url = url;
    this.#token = token;
  }

  /** A session of its own; `slug` is entered. */
  async enter(slug) {
    const body = { deviceId: randomBytes(8).toString("hex") };
    this.#session = await call(this.#url, "/v1/sessions", { token: this.#token, body });
    await this.#hello();
    const ticket = await call(this.#url, `/v1/rooms/${slug}/join`, { token: this.#session.token });
    const { participants, participantId } = await this.#request({ type: "join", token: ticket.token });
    this.participantId = participantId;
    for (const other of participants) this.others.set(other.participantId, other);
  }

  /** The socket is lost, and the session resumed with another. */
  async resume() {
    this.#drop();
    await this.#hello({ lastSeq: this.#lastSeq });
  }

  /**
   * Connects media: `tracks` of "microphone" and "camera", and so many slots for others. What arrives is counted as datagrams,
   * which is werift's work when it is to be read and not the node's. The node is told what a browser on a
   * perfect path would tell. `prepare` gets the connection before it is offered.
   */
  async connect({ tracks = [], audioSlots = 0, videoSlots = 0, reads = false, prepare = () => undefined }) {
    const pc = peerConnection();
    this.pc = pc;
    prepare(pc);
    const own = tracks.map((source) => this.#addTrack(source));
    for (let i = 0; i < audioSlots; i += 1) pc.addTransceiver("audio", { direction: "recvonly" });
    for (let i = 0; i < videoSlots; i += 1) pc.addTransceiver("video", { direction: "recvonly" });
    await pc.setLocalDescription(await pc.createOffer());
    const offered = own.map(({ transceiver, kind, source }) => ({ mid: transceiver.mid, kind, source }));
    const answer = await this.#request({ type: "offer", sdp: pc.localDescription.sdp, tracks: offered, fresh: true });
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    await connected(pc);
    if (audioSlots + videoSlots > 0) this.#listen(new Feedback(extensionIds(answer.sdp)), reads);
  }

  /** Shows these participants' cameras, most important first. */
  view(participantIds, { width = 640, height = 360 } = {}) {
    const visible = participantIds.map((participantId) => ({ participantId, source: "camera", width, height }));
    return this.#request({ type: "view", visible });
  }

  say(slug, text) {
    const token = this.#session.token;
    return call(this.#url, `/v1/rooms/${slug}/messages`, {
      token,
      body: { text, clientId: randomBytes(8).toString("hex") },
    });
  }

  /** Opus-shaped: one packet of 20 ms with a level in -dBov (RFC 6464). */
  sendAudio(seq, level, payload) {
    const id = this.microphone.sender.headerExtensions.find(({ uri }) => uri === LEVEL_URI)?.id;
    const extensions = id === undefined ? [] : [{ id, payload: Buffer.from([0x80 | level]) }];
    const fields = {
      payloadType: 111,
      sequenceNumber: seq & 0xffff,
      timestamp: (seq * 960) >>> 0,
      ssrc: 2,
      extensions,
    };
    this.microphone.track.writeRtp(packet(fields, payload));
  }

  /** VP8-shaped (RFC 7741 section 4.2): a frame of one packet with a 15-bit picture id. */
  sendVideo(seq, { timestamp, keyframe, payload }) {
    payload.set([0x90, 0x80, 0x80 | ((seq >> 8) & 0x7f), seq & 0xff, keyframe ? 0x10 : 0x11]);
    if (keyframe) payload.set([0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01], 7);
    this.camera.track.writeRtp(
      packet(
        { payloadType: 96, sequenceNumber: seq & 0xffff, timestamp: timestamp >>> 0, marker: true, ssrc: 1 },
        payload,
      ),
    );
  }

  /** Says goodbye. */
  async leave() {
    await this.#request({ type: "leave" }).finally(() => this.close(1_000));
  }

  /** As a browser whose tab is closed (1001): the socket ends, DTLS says so too. */
  close(code = 1_001) {
    clearInterval(this.#ping);
    this.#stopReports();
    this.#socket?.close(code);
    void this.pc?.close();
  }

  /** As a device that loses power: nobody is told. */
  cut() {
    this.#drop();
    this.#stopReports();
    for (const transport of this.pc?.iceTransports ?? []) void transport.connection.close();
  }

  async #hello(resume = {}) {
    const socket = new WebSocket(`${this.#url.replace("http", "ws")}/v1/socket`);
    this.#socket = socket;
    socket.on("message", (data) => this.#handle(JSON.parse(String(data))));
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.on("error", () => undefined);
    await this.#request({ type: "hello", protocol: 1, token: this.#session.token, ...resume });
    this.#ping = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping","sentAtMs":0}');
    }, PING_EVERY_MS);
  }

  #drop() {
    clearInterval(this.#ping);
    this.#socket?.terminate();
  }

  #addTrack(source) {
    const kind = source === "microphone" ? "audio" : "video";
    const track = new werift.MediaStreamTrack({ kind });
    const transceiver = this.pc.addTransceiver(track, { direction: "sendonly" });
    this[source] = { track, sender: transceiver.sender };
    return { transceiver, kind, source };
  }

  #listen(feedback, reads) {
    const [dtls] = this.pc.dtlsTransports;
    const sendRtcp = dtls.sendRtcp.bind(dtls);
    // Its own feedback would tell of its own delays, which the node would take for the path's.
    dtls.sendRtcp = async (packets) => {
      if (packets[0].feedback?.count !== TRANSPORT_WIDE) await sendRtcp(packets);
    };
    for (const { transport } of this.pc.iceTransports[0].connection.protocols) {
      const ordinary = transport.onData;
      transport.socket.setRecvBufferSize(1 << 20);
      transport.onData = (data, from) => {
        const isMedia = data[0] >= 128 && data[0] <= 191;
        if (isMedia && ((data[1] & 0x7f) < 64 || (data[1] & 0x7f) > 95)) {
          this.packets += 1;
          feedback.receive(data);
        }
        if (!isMedia || reads) ordinary(data, from);
      };
    }
    const tell = () => {
      const packet = feedback.build();
      if (packet !== undefined)
        void dtls.iceTransport.connection.send(dtls.srtcp.encrypt(packet)).catch(() => undefined);
    };
    const report = () => dtls.sendRtcp([new werift.RtcpRrPacket({ ssrc: 1, reports: [] })]).catch(() => undefined);
    this.#reports = [setInterval(tell, FEEDBACK_EVERY_MS), setInterval(report, REPORT_EVERY_MS)];
  }

  #stopReports() {
    for (const timer of this.#reports.splice(0)) clearInterval(timer);
  }

  #request(message) {
    const id = randomBytes(6).toString("hex");
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#replies.delete(id);
        reject(new Error(`no reply to ${message.type}`));
      }, REPLY_WITHIN_MS);
      this.#replies.set(id, (reply) => {
        clearTimeout(timer);
        this.#replies.delete(id);
        if (reply.type === "error") reject(new Error(`${message.type}: ${reply.code}`));
        else resolve(reply);
      });
      this.#socket.send(JSON.stringify({ ...message, id }));
    });
  }

  #handle(message) {
    this.#lastSeq = message.seq;
    this.heard[message.type] = (this.heard[message.type] ?? 0) + 1;
    const { participant } = message;
    if (participant !== undefined) this.others.set(participant.participantId, participant);
    if (message.type === "participantLeft") this.others.delete(message.participantId);
    this.#replies.get(message.replyTo)?.(message);
  }
}

function packet(fields, payload) {
  return new werift.RtpPacket(new werift.RtpHeader({ version: 2, marker: false, ...fields }), payload);
}
