/**
 * The lite, controlled end of ICE (RFC 8445 section 2.5) for all peers of one UDP port. USERNAME and
 * MESSAGE-INTEGRITY are verified before anything else happens: a stranger gets no answer and leaves
 * no state. The first authenticated check selects a pair for the time being, an authenticated USE-CANDIDATE selects it
 * and, later, moves it, so that a client survives a change of network without renegotiation. Pure: time and datagrams come in, decisions go out.
 */
import { randomBytes } from "node:crypto";
import { endpointKey, sameAddress, type UdpAddress } from "./ip-address.ts";
import {
  buildBindingSuccess,
  buildRoleConflict,
  parseStun,
  type StunMessage,
  type StunRejection,
  verifyIntegrity,
} from "./stun.ts";

export type IceState = "new" | "connected" | "reconnecting" | "gone";
export type IceRejection =
  | StunRejection
  | "stun_not_request"
  | "stun_unknown_user"
  | "stun_bad_integrity"
  | "stun_replayed";

export interface IceCredentials {
  readonly ufrag: string;
  readonly pwd: string;
}
export interface IceLiteTimeouts {
  /** Without an authenticated request for this long a connected agent is "reconnecting". */
  readonly reconnectingAfterMs: number;
  /** … and for this long it is "gone". Also how long a new agent waits for its first request. */
  readonly goneAfterMs: number;
}
/** Browsers check consent every 2.5 to 5 s (RFC 7675), so 8 s is at least one lost check and its repetition. */
export const CLIENT_TIMEOUTS: IceLiteTimeouts = { reconnectingAfterMs: 8_000, goneAfterMs: 30_000 };
/** The other end of a trunk checks every 500 ms; three missed are silence. */
export const TRUNK_TIMEOUTS: IceLiteTimeouts = { reconnectingAfterMs: 1_750, goneAfterMs: 30_000 };

/** Transaction ids remembered per agent; a captured request cannot move the pair while it is among them: minutes of checks. */
const REMEMBERED_TRANSACTIONS = 64;
/** All checks of a client are through this long after its first nomination. */
const SETTLING_MS = 2_000;
/** UDP that was silent for so long while TCP is nominated does not get through any more. */
const UDP_SILENCE_MS = 2_000;
/** RFC 8445 section 5.3 asks for 24 and 128 bits of randomness; base64url letters are a subset of ice-char but for - and _. */
const UFRAG_BYTES = 6;
const PWD_BYTES = 24;

export function createCredentials(): IceCredentials {
  return { ufrag: iceChars(UFRAG_BYTES), pwd: iceChars(PWD_BYTES) };
}

function iceChars(byteCount: number): string {
  return randomBytes(byteCount).toString("base64").replace(/=+$/, "");
}

/** One peer's lite agent. State changes only through IceLiteAgents. */
export class IceLiteAgent {
  readonly id: string;
  readonly timeouts: IceLiteTimeouts;
  local: IceCredentials;
  /** Set by a restart until the first nomination under `local`: checks of the old generation stay valid. */
  previousLocal: IceCredentials | undefined = undefined;
  remoteUfrag: string | undefined;
  selected: UdpAddress | undefined = undefined;
  state: IceState = "new";
  lastRequestAtMs: number;
  /** Of the last request from the selected address. */
  selectedHeardAtMs = 0;
  /** The first nomination under `local`, and the priority of the one in force. */
  nomination: { readonly firstAtMs: number; readonly priority: number } | undefined = undefined;
  moves = 0;
  /** Transaction id to the address that it came from, oldest first. */
  readonly #seen = new Map<string, string>();
  #lastAddress = "";

  constructor(input: {
    readonly id: string;
    readonly timeouts: IceLiteTimeouts;
    readonly nowMs: number;
    readonly remoteUfrag?: string;
  }) {
    this.id = input.id;
    this.timeouts = input.timeouts;
    this.local = createCredentials();
    this.remoteUfrag = input.remoteUfrag;
    this.lastRequestAtMs = input.nowMs;
  }

  /** Remembers where a transaction came from; "repeated" is a retransmission, "foreign" the same id from another address. */
  witness(transactionId: Uint8Array, from: UdpAddress): "fresh" | "repeated" | "foreign" {
    const id = Buffer.from(transactionId).toString("latin1");
    // One string for all requests from one address, as thousands of clients remember many each.
    const key = endpointKey(from);
    const address = key === this.#lastAddress ? this.#lastAddress : key;
    this.#lastAddress = address;
    const known = this.#seen.get(id);
    if (known !== undefined) return known === address ? "repeated" : "foreign";
    if (this.#seen.size >= REMEMBERED_TRANSACTIONS) {
      const oldest = this.#seen.keys().next();
      if (oldest.done !== true) this.#seen.delete(oldest.value);
    }
    this.#seen.set(id, address);
    return "fresh";
  }
}

export type IceOutcome =
  | { readonly kind: "drop"; readonly reason: IceRejection }
  | {
      readonly kind: "answer";
      readonly agent: IceLiteAgent;
      readonly bytes: Buffer;
      /** The selected address when this request selected or moved it. */
      readonly selected: UdpAddress | undefined;
      /** The state when this request changed it. */
      readonly state: IceState | undefined;
    };

/** All lite agents of one port, by local ufrag. */
export class IceLiteAgents {
  readonly #byUfrag = new Map<string, IceLiteAgent>();
  readonly #agents = new Set<IceLiteAgent>();

  get size(): number {
    return this.#agents.size;
  }

  add(agent: IceLiteAgent): void {
    this.#agents.add(agent);
    this.#byUfrag.set(agent.local.ufrag, agent);
  }

  remove(agent: IceLiteAgent): void {
    this.#agents.delete(agent);
    this.#byUfrag.delete(agent.local.ufrag);
    if (agent.previousLocal !== undefined) this.#byUfrag.delete(agent.previousLocal.ufrag);
  }

  /** ICE restart (RFC 8445 section 9): new local credentials; the old pair carries on until a new one is nominated. */
  restart(agent: IceLiteAgent, remoteUfrag: string): void {
    if (agent.previousLocal !== undefined) this.#byUfrag.delete(agent.previousLocal.ufrag);
    agent.previousLocal = agent.local;
    agent.local = createCredentials();
    agent.remoteUfrag = remoteUfrag;
    agent.nomination = undefined;
    this.#byUfrag.set(agent.local.ufrag, agent);
  }

  /** Whether a datagram is for a lite agent: only requests are. */
  handle(bytes: Uint8Array, from: UdpAddress, nowMs: number): IceOutcome {
    const parsed = parseStun(bytes);
    if (!parsed.ok) return { kind: "drop", reason: parsed.reason };
    const { message } = parsed;
    if (message.class !== "request") return { kind: "drop", reason: "stun_not_request" };
    const agent = this.#find(message);
    if (agent === undefined) return { kind: "drop", reason: "stun_unknown_user" };
    const credentials = message.username?.startsWith(`${agent.local.ufrag}:`) ? agent.local : agent.previousLocal;
    if (credentials === undefined || !verifyIntegrity(bytes, message, credentials.pwd)) {
      return { kind: "drop", reason: "stun_bad_integrity" };
    }
    return this.#authenticated(agent, credentials, { message, from, nowMs });
  }

  /** Agents whose state changed because nothing came; call a few times a second. */
  handleTimeout(nowMs: number): IceLiteAgent[] {
    const changed: IceLiteAgent[] = [];
    for (const agent of this.#agents) {
      const silentMs = nowMs - agent.lastRequestAtMs;
      const { timeouts, state } = agent;
      if (state === "gone") continue;
      if (silentMs >= timeouts.goneAfterMs) agent.state = "gone";
      else if (state === "connected" && silentMs >= timeouts.reconnectingAfterMs) agent.state = "reconnecting";
      if (agent.state !== state) changed.push(agent);
    }
    return changed;
  }

  /** USERNAME is "ours:theirs" (RFC 8445 section 7.2.2); theirs is known from the offer, and of the old generation during a restart only ours. */
  #find(message: StunMessage): IceLiteAgent | undefined {
    const username = message.username ?? "";
    const colon = username.indexOf(":");
    if (colon < 0) return undefined;
    const ufrag = username.slice(0, colon);
    const agent = this.#byUfrag.get(ufrag);
    if (agent === undefined) return undefined;
    if (
      ufrag === agent.local.ufrag &&
      agent.remoteUfrag !== undefined &&
      username.slice(colon + 1) !== agent.remoteUfrag
    ) {
      return undefined;
    }
    return agent;
  }

  #authenticated(
    agent: IceLiteAgent,
    credentials: IceCredentials,
    input: { readonly message: StunMessage; readonly from: UdpAddress; readonly nowMs: number },
  ): IceOutcome {
    const { message, from, nowMs } = input;
    const answerKey = { transactionId: message.transactionId, password: credentials.pwd };
    if (message.role === "controlled") {
      return { kind: "answer", agent, bytes: buildRoleConflict(answerKey), selected: undefined, state: undefined };
    }
    const seen = agent.witness(message.transactionId, from);
    // Whoever captured a client's request and sends it again from elsewhere must not take over the call.
    if (seen === "foreign") return { kind: "drop", reason: "stun_replayed" };
    const moves = seen === "fresh" && this.#choose(agent, credentials === agent.local, input);
    const before = agent.state;
    if (seen === "fresh") {
      agent.lastRequestAtMs = nowMs;
      if (agent.selected !== undefined) agent.state = "connected";
    }
    return {
      kind: "answer",
      agent,
      bytes: buildBindingSuccess({ ...answerKey, mapped: from }),
      selected: moves ? from : undefined,
      state: agent.state === before ? undefined : agent.state,
    };
  }

  /** True: the request selected the address that it came from. */
  #choose(
    agent: IceLiteAgent,
    isPresent: boolean,
    input: { readonly message: StunMessage; readonly from: UdpAddress; readonly nowMs: number },
  ): boolean {
    const { message, from, nowMs } = input;
    const moves = chooses(agent, isPresent, input);
    if (moves && agent.selected !== undefined) agent.moves++;
    if (moves) agent.selected = from;
    else if (!sameAddress(agent.selected, from)) return false;
    agent.selectedHeardAtMs = nowMs;
    if (message.useCandidate && isPresent) {
      if (moves) this.#forgetPrevious(agent);
      agent.nomination = { firstAtMs: agent.nomination?.firstAtMs ?? nowMs, priority: message.priority ?? 0 };
    }
    return moves;
  }

  #forgetPrevious(agent: IceLiteAgent): void {
    if (agent.previousLocal !== undefined) this.#byUfrag.delete(agent.previousLocal.ufrag);
    agent.previousLocal = undefined;
  }
}

/**
 * Whether an authentic request selects the address that it came from. Until something is nominated the first checked one
 * serves: browsers send their ClientHello at once and nominate 50 ms later. Chromium nominates the one pair that it uses;
 * Firefox nominates with every check (RFC 5245 section 8.1.1.2, aggressive) and uses the best that is answered, so
 * shortly after the first nomination a worse one is not followed, nor TCP while UDP is alive.
 */
function chooses(
  agent: IceLiteAgent,
  isPresent: boolean,
  { message, from, nowMs }: { readonly message: StunMessage; readonly from: UdpAddress; readonly nowMs: number },
): boolean {
  const { selected, nomination } = agent;
  if (selected === undefined) return true;
  if (!message.useCandidate || sameAddress(selected, from)) return false;
  if (nomination === undefined || !isPresent) return true;
  const toTcp = from.tcp === true && selected.tcp !== true;
  if (toTcp && nowMs - agent.selectedHeardAtMs < UDP_SILENCE_MS) return false;
  if (from.tcp !== selected.tcp) return true;
  if (nowMs - nomination.firstAtMs >= SETTLING_MS) return true;
  // RFC 8445 section 6.1.2.3: of a pair the lower priority counts first, which by TCP is that of our candidate.
  const byOurs = (from.localPriority ?? 0) - (selected.localPriority ?? 0);
  return byOurs === 0 ? (message.priority ?? 0) >= nomination.priority : byOurs > 0;
}
