// Processes that hold many people of a room: how they come in, and what their parent may ask them.
import { Person } from "./person.mjs";

const AT_ONCE = 4;

/** A person for each token, a few at a time; `connect` gives each its media. */
export async function gather({ url, slug, tokens }, connect) {
  const people = [];
  const waiting = [...tokens];
  const lane = async () => {
    for (let token = waiting.shift(); token !== undefined; token = waiting.shift()) {
      const person = new Person(url, token);
      await person.enter(slug);
      await connect(person);
      people.push(person);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return people;
}

/** IPC out: {ready: count}; in: "packets", out: {packets} that arrived at all of them. Ends with the parent. */
export function answerParent(people) {
  process.on("message", () => process.send({ packets: people.reduce((sum, { packets }) => sum + packets, 0) }));
  process.on("disconnect", () => process.exit(0));
  process.send({ ready: people.length });
}

/**
 * Drains the sockets every so many milliseconds, so that the node does not pay for waking this process at every datagram:
 * remote clients would not be woken by it either.
 */
export function drainEvery(ms) {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const drain = () => {
    Atomics.wait(cell, 0, 0, ms);
    setImmediate(drain);
  };
  drain();
}
