// Subscribers that only count, in a process of their own: arguments are the node's base URL, the room, and a user token each.
// IPC out: {ready: count}; in: "packets", out: {packets}.
import { Person } from "../lib/person.mjs";

const [, , url, slug, ...tokens] = process.argv;
const AT_ONCE = 4;
const people = [];
const waiting = [...tokens];

async function lane() {
  for (let token = waiting.shift(); token !== undefined; token = waiting.shift()) {
    const person = new Person(url, token);
    await person.enter(slug);
    await person.connect({ videoSlots: 1 });
    const sender = [...person.others.values()].find(({ tracks }) => tracks.some(({ source }) => source === "camera"));
    await person.view([sender.participantId], { width: 1_280, height: 720 });
    people.push(person);
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, lane));
process.on("message", () => process.send({ packets: people.reduce((sum, { packets }) => sum + packets, 0) }));
process.on("disconnect", () => process.exit(0));
process.send({ ready: people.length });

// Drain every few milliseconds, as in bench/forward/sinks.mjs.
const cell = new Int32Array(new SharedArrayBuffer(4));
const drain = () => {
  Atomics.wait(cell, 0, 0, 15);
  setImmediate(drain);
};
drain();
