// Simulated TCP: connections between nodes, in order and without loss, but slow, cut into pieces, refused, or silent.

import type { Random } from "../src/random.ts";
import type { StreamInput, StreamOutput } from "../src/sink.ts";
import { assertNever, type Endpoint, type InstantMs, type StreamId, streamId } from "../src/types.ts";
import type { Network } from "./network.ts";

/** One side of a connection, as its node names it. */
interface Side {
  readonly node: number;
  /** A node that was restarted has nothing to do with the connections of its former life. */
  readonly life: number;
  readonly id: StreamId;
  peer: Side | undefined;
  /** What was written last arrives then; later pieces never overtake. */
  arrivesMs: InstantMs;
  isClosed: boolean;
}

export interface StreamArrival {
  readonly node: number;
  readonly life: number;
  readonly id: StreamId;
  readonly input: StreamInput;
}

export interface StreamPorts {
  readonly network: Network;
  readonly random: Random;
  readonly nodeAt: (to: Endpoint) => number | undefined;
  readonly lifeOf: (node: number) => number | undefined;
  readonly endpointOf: (node: number) => Endpoint;
  readonly arrive: (arrival: StreamArrival, atMs: InstantMs) => void;
}

export interface StreamCounters {
  opened: number;
  refused: number;
  silent: number;
  bytes: number;
}

/** Pieces are at most this long, so that every large message arrives in several. */
const PIECE_BYTES = 16_384;

export class Streams {
  readonly counters: StreamCounters = { opened: 0, refused: 0, silent: 0, bytes: 0 };
  readonly #ports: StreamPorts;
  readonly #sides = new Map<string, Side>();
  #lastAccepted = 0;

  constructor(ports: StreamPorts) {
    this.#ports = ports;
  }

  get openCount(): number {
    return this.#sides.size;
  }

  output(node: number, id: StreamId, output: StreamOutput, nowMs: InstantMs): void {
    if (output.kind === "open") {
      this.#open(node, id, output, nowMs);
      return;
    }
    const side = this.#sides.get(key(node, id));
    if (side === undefined) return;
    switch (output.kind) {
      case "write":
        this.#write(side, output.bytes, nowMs);
        return;
      case "end":
        this.#push(side, { kind: "ended" }, nowMs);
        this.#close(side);
        return;
      case "reset":
        this.#push(side, { kind: "failed", error: "reset by peer" }, nowMs);
        this.#close(side);
        return;
      default:
        assertNever(output);
    }
  }

  /** A node went away without a word: its peers hear nothing, or a reset when it is up again. */
  drop(node: number): void {
    for (const side of [...this.#sides.values()]) if (side.node === node) this.#close(side);
  }

  #open(node: number, id: StreamId, open: Extract<StreamOutput, { readonly kind: "open" }>, nowMs: InstantMs): void {
    const { network, nodeAt, lifeOf, arrive } = this.#ports;
    const life = lifeOf(node) ?? 0;
    const target = nodeAt(open.to);
    if (target === undefined || network.isCut(node, target, "streams") || network.isCut(target, node, "streams")) {
      this.counters.silent += 1;
      arrive({ node, life, id, input: { kind: "failed", error: "no route" } }, nowMs + open.timeoutMs);
      return;
    }
    const thereMs = nowMs + network.delayMs(node, target);
    const targetLife = lifeOf(target);
    if (targetLife === undefined) {
      this.counters.refused += 1;
      arrive(
        { node, life, id, input: { kind: "failed", error: "connection refused" } },
        thereMs + network.delayMs(target, node),
      );
      return;
    }
    this.counters.opened += 1;
    this.#lastAccepted += 2;
    const acceptedId = streamId(this.#lastAccepted);
    const dialler: Side = { node, life, id, peer: undefined, arrivesMs: thereMs, isClosed: false };
    const accepter: Side = {
      node: target,
      life: targetLife,
      id: acceptedId,
      peer: dialler,
      arrivesMs: thereMs,
      isClosed: false,
    };
    dialler.peer = accepter;
    this.#sides.set(key(node, id), dialler);
    this.#sides.set(key(target, acceptedId), accepter);
    const from = this.#ports.endpointOf(node);
    arrive({ node: target, life: targetLife, id: acceptedId, input: { kind: "opened", from } }, thereMs);
    arrive({ node, life, id, input: { kind: "opened" } }, thereMs + network.delayMs(target, node));
  }

  /** The last piece but one is as long as chance has it: decoders meet every way to cut a message. */
  #write(side: Side, bytes: Uint8Array, nowMs: InstantMs): void {
    this.counters.bytes += bytes.length;
    let start = 0;
    while (start < bytes.length) {
      const most = Math.min(PIECE_BYTES, bytes.length - start);
      const length = most > 1 && start === 0 ? 1 + this.#ports.random.below(most) : most;
      this.#push(side, { kind: "data", bytes: bytes.subarray(start, start + length) }, nowMs);
      start += length;
    }
  }

  #push(side: Side, input: StreamInput, nowMs: InstantMs): void {
    const { network, arrive } = this.#ports;
    const { peer } = side;
    if (peer === undefined || side.isClosed) return;
    // What is written into a cut link waits for a mending that the streams of a simulation do not live to see.
    if (network.isCut(side.node, peer.node, "streams")) return;
    side.arrivesMs = Math.max(side.arrivesMs, nowMs + network.delayMs(side.node, peer.node));
    arrive({ node: peer.node, life: peer.life, id: peer.id, input }, side.arrivesMs);
  }

  #close(side: Side): void {
    side.isClosed = true;
    this.#sides.delete(key(side.node, side.id));
  }
}

function key(node: number, id: StreamId): string {
  return `${node}/${id}`;
}
