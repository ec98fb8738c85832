// Subscribers that only count, in a process of their own: arguments are the node's base URL, the room, and a user token each.
// IPC: bench/lib/crowd.mjs.
import { answerParent, drainEvery, gather } from "../lib/crowd.mjs";

const [, , url, slug, ...tokens] = process.argv;

const people = await gather({ url, slug, tokens }, async (person) => {
  await person.connect({ videoSlots: 1 });
  const sender = [...person.others.values()].find(({ tracks }) => tracks.some(({ source }) => source === "camera"));
  await person.view([sender.participantId], { width: 1_280, height: 720 });
});
answerParent(people);
drainEvery(15);
