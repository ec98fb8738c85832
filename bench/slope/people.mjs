// Speakers or listeners of the slope benchmark, in a process of their own. Arguments: "speaker" | "listener", the node's base
// URL, the room, a user token each. IPC out: {ready: count}; in: "packets", out: {packets} that arrived at all of them.
import { randomBytes } from "node:crypto";
import { Person } from "../lib/person.mjs";

const [, , role, url, slug, ...tokens] = process.argv;
const SLOTS = 3;
const AT_ONCE = 4;
/** A sentence each, then the next is the loudest. */
const TURN_PACKETS = 150;
const LOUD = 20;
const QUIET = 60;
const people = [];
const waiting = [...tokens];

async function lane() {
  for (let token = waiting.shift(); token !== undefined; token = waiting.shift()) {
    const person = new Person(url, token);
    await person.enter(slug);
    if (role === "speaker") await person.connect({ tracks: ["microphone"] });
    else await person.connect({ audioSlots: SLOTS });
    people.push(person);
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, lane));

/** 20 ms a packet; three of them speak up at a time, and one of these changes with each turn. */
function speak() {
  const payload = randomBytes(80);
  const startedAt = performance.now();
  let seq = 0;
  setInterval(() => {
    for (const due = (performance.now() - startedAt) / 20; seq < due; seq += 1) {
      const first = Math.floor(seq / TURN_PACKETS);
      people.forEach((person, i) => {
        const isLoud = (i - first + people.length * (first + 1)) % people.length < SLOTS;
        person.sendAudio(seq, isLoud ? LOUD : QUIET, payload);
      });
    }
  }, 5);
}
if (role === "speaker") speak();
process.on("message", () => process.send({ packets: people.reduce((sum, { packets }) => sum + packets, 0) }));
process.on("disconnect", () => process.exit(0));
process.send({ ready: people.length });

// Drain every few milliseconds, so that the node does not pay for waking this process at every datagram: remote clients
// would not be woken by it either.
const cell = new Int32Array(new SharedArrayBuffer(4));
const drain = () => {
  Atomics.wait(cell, 0, 0, 10);
  setImmediate(drain);
};
if (role === "listener") drain();
