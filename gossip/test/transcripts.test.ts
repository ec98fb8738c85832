// Conversations between members, written down: each transcript is a list of commands, and after each everything that was
// said and told because of it. They are the protocol's documentation by example. UPDATE=1 writes them anew; read the
// difference before committing it.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { Cluster } from "#gossip/sim";
import { decodeSerf } from "../src/wire/decode-serf.ts";
import type { SerfMessage, WireMessage } from "../src/wire/messages.ts";
import { decodePacket } from "../src/wire/packet.ts";

const FOLDER = new URL("transcripts/", import.meta.url);
const NAMES = "abcdefgh";

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
  if (message.kind === "join" || message.kind === "leave") {
    return `intent ${message.kind} ${letter(message.node)}@${message.lamportTime}`;
  }
  return message.kind;
}

const letter = (name: string): string => NAMES[Number(name.slice(1))] ?? name;

class Stage {
  readonly #cluster = new Cluster({
    seed: 5,
    nodeCount: NAMES.length,
    topology: { kind: "uniform", rttMs: 10 },
    handlerMs: 5,
  });
  #lines: string[] = [];
  #startMs = 0;

  constructor() {
    const { network } = this.#cluster;
    network.conditions = { ...network.conditions, jitterMs: 0 };
    this.#cluster.tap = (bytes, from, to) => {
      const decoded = decodePacket(bytes);
      const said = decoded.ok ? decoded.messages.map(words).join(" + ") : decoded.reason;
      const isCut = network.isCut(from, to, "packets") ? " (lost)" : "";
      this.#tell(`${NAMES[from]} → ${NAMES[to]}: ${said}${isCut}`);
    };
    this.#cluster.watch = (node, event) => {
      const self = letter(node.name);
      if ("member" in event) this.#tell(`${self} is told: ${letter(event.member.name)} ${event.kind}`);
      else if (event.kind === "request") this.#tell(`${self} is asked by ${letter(event.from)}: ${event.topic}`);
      else if (event.kind === "requestResult")
        this.#tell(`${self} has its result: ${event.ok ? "answered" : event.failure}`);
      else this.#tell(`${self} is told: ${event.kind}`);
    };
  }

  /** Everything that the command led to, in order. */
  run(command: string): string[] {
    this.#lines = [];
    this.#startMs = this.#cluster.nowMs;
    this.#obey(command.split(" "));
    return this.#lines;
  }

  #obey([verb = "", first = "", , second = ""]: readonly string[]): void {
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
  const stage = new Stage();
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
