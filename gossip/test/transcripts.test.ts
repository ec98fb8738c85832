// Conversations between members, written down: each transcript is a list of commands, and after each everything that was
// said and told because of it. They are the protocol's documentation by example. UPDATE=1 writes them anew; read the
// difference before committing it.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { Cluster, type SimNode, simulatedAead } from "#gossip/sim";
import type { GossipEvent } from "../src/index.ts";
import { seededRandom } from "../src/index.ts";
import { decodeSerf } from "../src/wire/decode-serf.ts";
import { Keyring } from "../src/wire/keyring.ts";
import { QUERY_FLAG_ACK, type SerfMessage, type WireMessage } from "../src/wire/messages.ts";
import { decodePacket } from "../src/wire/packet.ts";

const FOLDER = new URL("transcripts/", import.meta.url);
const NAMES = "abcdefgh";
const OLD_KEY = new Uint8Array(16).fill(1);
const NEW_KEY = new Uint8Array(16).fill(2);

function words(message: WireMessage): string {
  switch (message.kind) {
    case "ping":
      return `ping ${letter(message.node)}`;
    case "indirectPing":
      return `ask-to-ping ${letter(message.node)}${message.nack ? " (nack)" : ""}`;
    case "ack":
      return message.payload.length > 0 ? "ack with coordinate" : "ack";
    case "nack":
      return "nack";
    case "alive":
      return `alive ${letter(message.node)}/${message.incarnation}`;
    case "suspect":
    case "dead":
      return `${message.kind} ${letter(message.node)}/${message.incarnation} says ${letter(message.from)}`;
    case "user": {
      const decoded = decodeSerf(message.payload);
      return decoded.ok ? serfWords(decoded.value) : "user message";
    }
  }
}

function serfWords(message: SerfMessage): string {
  switch (message.kind) {
    case "join":
    case "leave":
      return `intent ${message.kind} ${letter(message.node)}@${message.lamportTime}`;
    case "userEvent":
      return `event ${message.name}@${message.lamportTime}`;
    case "query":
      return `query ${message.name}@${message.lamportTime} of ${letter(message.sourceNode)}`;
    case "queryResponse":
      return `${(message.flags & QUERY_FLAG_ACK) === 0 ? "answer" : "ack"} of ${letter(message.from)}`;
    case "relay": {
      const inner = decodeSerf(message.payload);
      return `pass on to ${letter(message.node)}: ${inner.ok ? serfWords(inner.value) : inner.reason}`;
    }
    default:
      return message.kind;
  }
}

function eventWords(event: GossipEvent): string {
  switch (event.kind) {
    case "joined":
    case "left":
    case "failed":
    case "updated":
    case "reaped":
      return `is told: ${letter(event.member.name)} ${event.kind}`;
    case "request":
      return `is asked by ${letter(event.from)}: ${event.topic}`;
    case "requestResult":
      return `has its result: ${event.ok ? "answered" : event.failure}`;
    case "userEvent":
      return `is told: event ${event.name}`;
    case "query":
      return `is asked by all means by ${letter(event.from)}: ${event.name}`;
    case "queryAck":
    case "queryResponse":
      return `has the ${event.kind === "queryAck" ? "ack" : "answer"} of ${letter(event.from)}`;
    case "keyResult":
      return `has its result: ${event.numResp} of ${event.numNodes}, ${event.error ?? "all did it"}`;
    case "keyringChanged":
      return `has now keys ${event.keys.map((key) => key[0]).join(", ")}`;
    case "conflict":
      return `is told: ${letter(event.name)} is claimed by ${event.other.host}, too`;
    case "nameKept":
    case "nameLost":
      return `is told: ${event.kind}, ${event.matching} of ${event.answers} mean it`;
    default:
      return `is told: ${event.kind}`;
  }
}

const letter = (name: string): string => NAMES[Number(name.slice(1))] ?? name;

/** What is unusual about a cluster: said before its first member starts. */
interface Setting {
  readonly isEncrypted: boolean;
  /** h bears the name of c. */
  readonly hasTwin: boolean;
}

class Stage {
  readonly #cluster: Cluster;
  #lines: string[] = [];
  #startMs = 0;

  constructor({ isEncrypted, hasTwin }: Setting) {
    this.#cluster = new Cluster({
      seed: 5,
      nodeCount: NAMES.length,
      topology: { kind: "uniform", rttMs: 10 },
      handlerMs: 5,
      ...(isEncrypted ? { gossip: { keys: [OLD_KEY] } } : {}),
      ...(hasTwin ? { twins: new Map([[7, 2]]) } : {}),
    });
    const keyring = isEncrypted ? new Keyring(simulatedAead(seededRandom(1)), [OLD_KEY, NEW_KEY]) : undefined;
    const { network } = this.#cluster;
    network.conditions = { ...network.conditions, jitterMs: 0 };
    this.#cluster.tap = (bytes, from, to) => {
      const decoded = decodePacket(bytes, keyring === undefined ? {} : { keyring });
      const said = decoded.ok ? decoded.messages.map(words).join(" + ") : decoded.reason;
      const isCut = network.isCut(from, to, "packets") ? " (lost)" : "";
      this.#tell(`${NAMES[from]} → ${NAMES[to]}: ${said}${isCut}`);
    };
    this.#cluster.watch = (node, event) => {
      this.#tell(`${NAMES[node.index]} ${eventWords(event)}`);
      if (event.kind === "query") this.#answer(node, event);
    };
  }

  /** As a handler that takes its time. */
  #answer(node: SimNode, event: Extract<GossipEvent, { readonly kind: "query" }>): void {
    this.#cluster.at(this.#cluster.nowMs + 5, () =>
      this.#cluster.command(node.index, ({ core }, nowMs) => core?.respondToQuery(event.id, Uint8Array.of(1), nowMs)),
    );
  }

  /** Everything that the command led to, in order. */
  run(command: string): string[] {
    this.#lines = [];
    this.#startMs = this.#cluster.nowMs;
    this.#obey(command.split(" "));
    return this.#lines;
  }

  /** Commands about what is said to all: `event a deploy`, `query a load by 2`, `keys a install`. */
  #say(who: number, [verb = "", , what = "", , count = "0"]: readonly string[]): void {
    const payload = new Uint8Array(0);
    this.#cluster.command(who, ({ core }, nowMs) => {
      if (verb === "event") core?.userEvent(what, payload, { nowMs });
      else if (verb === "query") core?.query(what, payload, { wantAck: true, relayFactor: Number(count), nowMs });
      else if (what === "list") core?.keyQuery({ command: "list" }, nowMs);
      else if (what === "remove") core?.keyQuery({ command: "remove", key: OLD_KEY }, nowMs);
      else if (what === "install" || what === "use") core?.keyQuery({ command: what, key: NEW_KEY }, nowMs);
    });
  }

  #obey(said: readonly string[]): void {
    const [verb = "", first = "", , second = ""] = said;
    const [who, other] = [NAMES.indexOf(first), NAMES.indexOf(second)];
    switch (verb) {
      case "start":
        this.#cluster.start(who, second === "" ? [] : [other]);
        return;
      case "advance":
        this.#cluster.runFor(Number.parseInt(first, 10));
        return;
      case "crash":
        this.#cluster.crash(who);
        return;
      case "leave":
        this.#cluster.leave(who);
        return;
      case "tag":
        this.#cluster.command(who, (node, nowMs) => node.core?.setTags({ hearsay: "1", role: second }, nowMs));
        return;
      case "event":
      case "query":
      case "keys":
        this.#say(who, said);
        return;
      case "ask":
        this.#cluster.ask(who, other, 100);
        return;
      case "cut":
        this.#cluster.network.cut(`${first}${second}`, {
          packetsOnly: true,
          applies: (from, to) => from === who && to === other,
        });
        return;
      case "sever":
        this.#cluster.network.cut("severed", {
          packetsOnly: false,
          applies: (from, to) => (from === who) !== (to === who),
        });
        return;
      case "mend":
        this.#cluster.network.heal();
        return;
      case "members":
        for (const member of this.#cluster.node(who).core?.members() ?? []) {
          this.#tell(`${letter(member.name)} ${member.status}/${member.incarnation}`);
        }
        return;
      default:
        throw new Error(`no such command: ${verb}`);
    }
  }

  #tell(text: string): void {
    this.#lines.push(`  ${(this.#cluster.nowMs - this.#startMs).toFixed(0).padStart(5)} ms  ${text}`);
  }
}

function play(transcript: string): string {
  const stage = new Stage({
    isEncrypted: transcript.includes("(encrypted)"),
    hasTwin: transcript.includes("(h is called c)"),
  });
  const lines: string[] = [];
  for (const line of transcript.split("\n")) {
    if (line.startsWith("#") || line === "") lines.push(line);
    else if (line.startsWith("> ")) lines.push(line, ...stage.run(line.slice(2)));
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

test.each(readdirSync(FOLDER).filter((name) => name.endsWith(".txt")))(
  "the conversation of %s is as written",
  (name) => {
    const file = new URL(name, FOLDER);
    const written = readFileSync(file, "utf8");
    const played = play(written);
    if (process.env.UPDATE === "1") writeFileSync(file, played);
    else expect(played).toBe(written);
  },
);
