// Speakers or listeners of the slope benchmark, in a process of their own. Arguments: "speaker" | "listener", the node's base
// URL, the room, a user token each. IPC: bench/lib/crowd.mjs.
import { randomBytes } from "node:crypto";
import { answerParent, drainEvery, gather } from "../lib/crowd.mjs";

const [, , role, url, slug, ...tokens] = process.argv;
const SLOTS = 3;
/** A sentence each, then the next is the loudest. */
const TURN_PACKETS = 150;
const LOUD = 20;
const QUIET = 60;

const media = role === "speaker" ? { tracks: ["microphone"] } : { audioSlots: SLOTS };
const people = await gather({ url, slug, tokens }, (person) => person.connect(media));

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
answerParent(people);
if (role === "listener") drainEvery(10);
