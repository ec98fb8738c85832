// Where queries are asked, heard and answered. Passing them on is the carrier's. Spec sections 6.9 and 6.10.

import { addressBytes, endpointOf } from "../address.ts";
import type { KeyQuestion, QueryOptions } from "../core.ts";
import type { ResolvedGossipOptions } from "../options.ts";
import type { Random } from "../random.ts";
import type { GossipSink } from "../sink.ts";
import {
  assert,
  type CommandId,
  type DurationMs,
  type Endpoint,
  type InboundQueryId,
  type InstantMs,
  type LamportTime,
  type NodeName,
  nodeName,
  UsageError,
} from "../types.ts";
import { encodeSerf } from "../wire/encode-serf.ts";
import type { Keyring } from "../wire/keyring.ts";
import { QUERY_FLAG_ACK, type SerfKeyResponse, type SerfQuery, type SerfQueryResponse } from "../wire/messages.ts";
import { encodeUtf8 } from "../wire/utf8.ts";
import { AskedQueries, type QueryListener } from "./asked-queries.ts";
import { type Answerable, HeardQueries } from "./heard-queries.ts";
import { answerInternal, CONFLICT_QUERY, INTERNAL_PREFIX, PING_QUERY } from "./internal-queries.ts";
import { KeyTally } from "./key-tally.ts";
import { answerKeyQuery, isKeyQuery, keyQuestion, shortened } from "./keys.ts";
import { assertTimeLeft, type LamportClock } from "./lamport-clock.ts";
import type { MemberList } from "./member-list.ts";
import { judgeConflict } from "./name-conflict.ts";
import { filtersOf, matchesFilters } from "./query-filters.ts";
import { chooseRelays, wrapForRelay } from "./relays.ts";

/** Of the encoded Serf message, type byte included; likewise for a response and for a relayed one. */
export const QUERY_LIMIT_BYTES = 1024;
const QUERY_TIMEOUT_MULT = 16;
/** Of Serf. */
const PROTOCOL_WITH_QUERIES = 4;
/** A query is done with after this, whatever it says itself. */
const MAX_TIMEOUT_MS = 3_600_000;
const NS_PER_MS = 1e6;
const MAX_RELAY_FACTOR = 255;
const EMPTY: Uint8Array = new Uint8Array(0);

export interface QueryDeskPorts {
  readonly options: ResolvedGossipOptions;
  readonly sink: GossipSink;
  readonly random: Random;
  readonly members: MemberList;
  readonly clock: LamportClock;
  /** Undefined: plain text. */
  readonly keyring: Keyring | undefined;
  /** Remembers a query of ours and tells it to everybody. */
  spread(query: SerfQuery, payload: Uint8Array): void;
  /** A Serf message in a packet of its own. */
  send(to: Endpoint, payload: Uint8Array): void;
}

export interface Question {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly options: QueryOptions;
}

export class QueryDesk {
  readonly asked = new AskedQueries();
  readonly heard = new HeardQueries();
  readonly #ports: QueryDeskPorts;
  readonly #self: NodeName;
  readonly #times = new Map<CommandId, LamportTime>();
  #isResolvingConflict = false;

  constructor(ports: QueryDeskPorts) {
    this.#ports = ports;
    this.#self = nodeName(ports.options.name);
  }

  /** Answers arrive under `id`. Throws UsageError, and nothing changes, when a limit is broken. */
  ask(id: CommandId, query: Question, nowMs: InstantMs): void {
    const isPing = query.name === PING_QUERY && query.payload.length === 0;
    if (query.name.startsWith(INTERNAL_PREFIX) && !isPing) {
      throw new UsageError("reserved_name", `Queries cannot contain the '${INTERNAL_PREFIX}' prefix`);
    }
    const { sink } = this.#ports;
    const listener: QueryListener = {
      ack: (from) => sink.event({ kind: "queryAck", id, from }),
      response: (from, payload) => sink.event({ kind: "queryResponse", id, from, payload }),
      done: () => {
        this.#times.delete(id);
        sink.event({ kind: "queryDone", id });
      },
    };
    this.#open(id, () => this.#ask(query, listener, nowMs));
  }

  /**
   * Changes or lists the keys of everybody. In plain text a key would be told to everybody who listens, so then nobody else
   * is asked. Throws as `ask`, and "key_required".
   */
  askKeys(id: CommandId, question: KeyQuestion, nowMs: InstantMs): void {
    const { sink, keyring } = this.#ports;
    const { relayFactor = 0, timeoutMs = this.#defaultTimeoutMs() } = question;
    const query: Question = { ...keyQuestion(question), options: { relayFactor, timeoutMs } };
    const tally = new KeyTally(this.#runningCount());
    if (keyring === undefined && question.command !== "list") {
      tally.take(this.#self, encodeSerf(answerKeyQuery(query.name, query.payload, undefined)));
      sink.event(tally.result(id));
      return;
    }
    const finish = (): void => {
      this.cancel(id);
      sink.event(tally.result(id));
    };
    const listener: QueryListener = {
      ack: () => undefined,
      response: (from, payload) => {
        tally.take(from, payload);
        if (tally.isComplete) finish();
      },
      done: finish,
    };
    this.#open(id, () => this.#ask(query, listener, nowMs));
  }

  /** No event of it follows. */
  cancel(id: CommandId): void {
    const time = this.#times.get(id);
    if (time !== undefined) this.asked.cancel(time);
    this.#times.delete(id);
  }

  /** Somebody else claims our name: ask the others whom they mean. One question at a time; none when we cannot ask. */
  resolveConflict(nowMs: InstantMs): void {
    if (this.#isResolvingConflict) return;
    const payloads: Uint8Array[] = [];
    const { options, sink } = this.#ports;
    const listener: QueryListener = {
      ack: () => undefined,
      response: (_, payload) => payloads.push(payload),
      done: () => {
        this.#isResolvingConflict = false;
        const { kept, answers, matching } = judgeConflict(payloads, options.advertise);
        sink.event({ kind: kept ? "nameKept" : "nameLost", answers, matching });
      },
    };
    try {
      this.#ask({ name: CONFLICT_QUERY, payload: encodeUtf8(options.name), options: {} }, listener, nowMs);
      this.#isResolvingConflict = true;
    } catch (error) {
      // A packet brought us here, so a limit of ours must not throw.
      if (!(error instanceof UsageError)) throw error;
      sink.dropped("queue_full", undefined);
    }
  }

  /** News, ours included: not heard before. */
  hear(query: SerfQuery, nowMs: InstantMs): void {
    const { members, sink } = this.#ports;
    const tags = members.get(this.#self)?.tags ?? {};
    if (!matchesFilters(query.filters, { name: this.#self, tags })) return;
    if ((query.flags & QUERY_FLAG_ACK) !== 0) this.#reply(query, this.#answer(query, EMPTY, QUERY_FLAG_ACK), nowMs);
    if (query.name.startsWith(INTERNAL_PREFIX)) {
      this.#answerInternal(query, nowMs);
      return;
    }
    const deadlineMs = nowMs + Math.min(query.timeoutNs / NS_PER_MS, MAX_TIMEOUT_MS);
    const id = this.heard.add(query, deadlineMs);
    const { lamportTime, sourceNode: from, name } = query;
    sink.event({ kind: "query", id, lamportTime, from, name, payload: query.payload.slice(), deadlineMs });
  }

  /** Throws UsageError "unknown_query", "response_sent", "past_deadline" or "response_too_large". */
  respond(id: InboundQueryId, payload: Uint8Array, nowMs: InstantMs): void {
    const query = this.heard.open(id, nowMs);
    const answer = this.#answer(query, payload, 0);
    if (encodeSerf(answer).length > QUERY_LIMIT_BYTES) {
      throw new UsageError("response_too_large", `response exceeds limit of ${QUERY_LIMIT_BYTES} bytes`);
    }
    this.heard.close(id);
    this.#reply(query, answer, nowMs);
  }

  handleResponse(response: SerfQueryResponse, from: Endpoint | undefined, nowMs: InstantMs): void {
    const reason = this.asked.take(response, nowMs);
    if (reason !== undefined) this.#ports.sink.dropped(reason, from);
  }

  deadlineMs(): InstantMs {
    return Math.min(this.asked.deadlineMs(), this.heard.deadlineMs());
  }

  handleTimeout(nowMs: InstantMs): void {
    this.asked.handleTimeout(nowMs);
    this.heard.handleTimeout(nowMs);
  }

  /** The id is known before answers come, of which our own comes at once. */
  #open(id: CommandId, ask: () => void): void {
    this.#times.set(id, this.#ports.clock.time());
    try {
      ask();
    } catch (error) {
      this.#times.delete(id);
      throw error;
    }
  }

  #ask(question: Question, listener: QueryListener, nowMs: InstantMs): void {
    this.asked.assertRoom();
    if (this.#ports.options.serfProtocol < PROTOCOL_WITH_QUERIES) {
      throw new UsageError("unsupported_protocol", `queries need Serf protocol ${PROTOCOL_WITH_QUERIES}`);
    }
    assertTimeLeft(this.#ports.clock);
    const timeoutMs = checkedTimeout(question.options.timeoutMs ?? this.#defaultTimeoutMs());
    const query = this.#compose(question, timeoutMs);
    const payload = encodeSerf(query);
    if (payload.length > QUERY_LIMIT_BYTES) {
      throw new UsageError("query_too_large", `query exceeds limit of ${QUERY_LIMIT_BYTES} bytes`);
    }
    const { lamportTime, id } = query;
    this.asked.open({
      lamportTime,
      id,
      wantsAck: (query.flags & QUERY_FLAG_ACK) !== 0,
      capacity: this.#runningCount(),
      deadlineMs: nowMs + timeoutMs,
      listener,
    });
    this.#ports.spread(query, payload);
    this.hear(query, nowMs);
  }

  #compose({ name, payload, options }: Question, timeoutMs: DurationMs): SerfQuery {
    const { advertise } = this.#ports.options;
    const addr = addressBytes(advertise.host);
    assert(addr !== undefined, "a started member has an address");
    return {
      kind: "query",
      lamportTime: this.#ports.clock.time(),
      id: this.#ports.random.below(2 ** 31),
      addr,
      port: advertise.port,
      sourceNode: this.#self,
      filters: filtersOf(options),
      flags: options.wantAck === true ? QUERY_FLAG_ACK : 0,
      relayFactor: checkedRelayFactor(options.relayFactor ?? 0),
      timeoutNs: Math.round(timeoutMs * NS_PER_MS),
      name,
      payload,
    };
  }

  /** Long enough for gossip to reach everybody and answers to come back. */
  #defaultTimeoutMs(): DurationMs {
    const { gossipIntervalMs } = this.#ports.options.profile;
    return gossipIntervalMs * QUERY_TIMEOUT_MULT * Math.ceil(Math.log10(this.#runningCount() + 1));
  }

  /** Members that can answer; who is leaving still does. */
  #runningCount(): number {
    const { members } = this.#ports;
    return Math.max(1, members.count("alive") + members.count("leaving"));
  }

  #answerInternal(query: SerfQuery, nowMs: InstantMs): void {
    if (isKeyQuery(query.name)) {
      this.#answerKeyQuery(query, nowMs);
      return;
    }
    const answer = answerInternal(query, { self: this.#self, members: this.#ports.members });
    if (answer === "unknown") this.#ports.sink.dropped("unsupported_user_message", undefined);
    else if (answer !== "silence") this.#reply(query, this.#answer(query, answer, 0), nowMs);
  }

  #answerKeyQuery(query: SerfQuery, nowMs: InstantMs): void {
    const wrap = (response: SerfKeyResponse): SerfQueryResponse => this.#answer(query, encodeSerf(response), 0);
    const { keyring, sink } = this.#ports;
    const before = keyring?.keys();
    const response = answerKeyQuery(query.name, query.payload, keyring);
    const keys = keyring?.keys();
    if (keys !== undefined && keys !== before) {
      sink.event({ kind: "keyringChanged", keys: keys.map((key) => key.slice()) });
    }
    const fits = (candidate: SerfKeyResponse): boolean => encodeSerf(wrap(candidate)).length <= QUERY_LIMIT_BYTES;
    this.#reply(query, wrap(shortened(response, fits)), nowMs);
  }

  #answer(query: Answerable, payload: Uint8Array, flags: number): SerfQueryResponse {
    const { lamportTime, id } = query;
    return { kind: "queryResponse", lamportTime, id, from: this.#self, flags, payload };
  }

  /** Straight, and by the detours that the asker wants. */
  #reply(query: Answerable, answer: SerfQueryResponse, nowMs: InstantMs): void {
    const { members, random, options, sink, send } = this.#ports;
    const to = endpointOf(query.addr, query.port);
    if (to === undefined) {
      sink.dropped("bad_address", undefined);
      return;
    }
    const { host, port } = options.advertise;
    if (to.host === host && to.port === port) {
      this.handleResponse(answer, undefined, nowMs);
      return;
    }
    const payload = encodeSerf(answer);
    send(to, payload);
    const relays = chooseRelays({ factor: query.relayFactor, members, self: this.#self, random });
    const wrapped = relays.length === 0 ? undefined : wrapForRelay(to, query.sourceNode, payload);
    if (wrapped === undefined || wrapped.length > QUERY_LIMIT_BYTES) return;
    for (const relay of relays) send(relay.endpoint, wrapped);
  }
}

function checkedTimeout(timeoutMs: DurationMs): DurationMs {
  if (timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs;
  throw new UsageError("bad_timeout", "timeoutMs must be positive and at most an hour");
}

function checkedRelayFactor(factor: number): number {
  if (Number.isInteger(factor) && factor >= 0 && factor <= MAX_RELAY_FACTOR) return factor;
  throw new UsageError("bad_relay_factor", "relayFactor must be 0..255");
}
