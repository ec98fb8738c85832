// The people of the soak, in a process of their own. Two stay and talk across the trunk; others come, publish, write and go in
// every way that people go. Arguments: seed, visitors at once, then the nodes' base URLs.
// IPC in: {stay: true} → {ready}, {churn: seconds} → {rest: {visits, failed, errors}} when all visitors have gone.
import { randomBytes } from "node:crypto";
import { guest, makeRooms } from "../lib/api.mjs";
import { Person } from "../lib/person.mjs";
import { sleep } from "../lib/proc.mjs";

const [, , seed, visitors, ...urls] = process.argv;
const MAIN = "soak";
/** Rooms that are empty between visits. */
const SIDE = ["soak-side-1", "soak-side-2", "soak-side-3"];
/** A device that loses power is noticed after its resume time, so none may do so near the end of a round. */
const CUT_BEFORE = 0.6;
const VIDEO_FPS = 10;
const AUDIO = randomBytes(80);
const VIDEO = randomBytes(900);

/** mulberry32: the visits of a seed are the same each time. */
function chances(start) {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const chance = chances(Number(seed));
const pick = (list) => list[Math.floor(chance() * list.length)];

/** Sends while the person is here: 50 packets of audio and ten frames a second. */
function talk(person) {
  const startedAt = performance.now();
  let [audio, frames] = [0, 0];
  const timer = setInterval(() => {
    const seconds = (performance.now() - startedAt) / 1_000;
    for (; person.microphone !== undefined && audio < seconds * 50; audio += 1)
      person.sendAudio(audio, 20 + (audio % 40), AUDIO);
    for (; person.camera !== undefined && frames < seconds * VIDEO_FPS; frames += 1)
      person.sendVideo(frames, {
        timestamp: frames * (90_000 / VIDEO_FPS),
        keyframe: frames % (5 * VIDEO_FPS) === 0,
        payload: Buffer.from(VIDEO),
      });
  }, 40);
  return () => clearInterval(timer);
}

const media = { tracks: ["microphone", "camera"], audioSlots: 3, videoSlots: 2 };
const accounts = [];

/** Everybody sees the others as they come and go. */
const look = (person) => person.view([...person.others.keys()].slice(0, 2));

async function stay() {
  await makeRooms(urls[0], [MAIN, ...SIDE]);
  for (let i = 0; i < 8; i += 1) accounts.push(await guest(pick(urls), `Visitor ${i}`));
  for (const url of urls) {
    const person = new Person(url, await guest(url, "Somebody who stays"));
    await person.enter(MAIN);
    await person.connect(media);
    talk(person);
    setInterval(() => look(person).catch((error) => process.send({ trouble: error.message })), 5_000);
  }
}

async function go(person, mayCut) {
  const how = chance();
  if (how < 0.15 && mayCut) person.cut();
  else if (how < 0.3) person.close();
  else await person.leave();
}

async function visit(mayCut) {
  const url = chance() < 0.65 ? urls[0] : urls.at(-1);
  const slug = chance() < 0.8 ? MAIN : pick(SIDE);
  const token = chance() < 0.05 ? await guest(url, "Somebody new") : pick(accounts);
  const person = new Person(url, token);
  let hush = () => undefined;
  try {
    await person.enter(slug);
    if (chance() < 0.85) {
      await person.connect(chance() < 0.7 ? media : { ...media, tracks: [] });
      hush = talk(person);
    }
    for (let end = performance.now() + 2_000 + chance() * 5_000; performance.now() < end; ) {
      await look(person);
      if (chance() < 0.5) await person.say(slug, `Something to say: ${chance().toString(36).repeat(3)}`);
      if (chance() < 0.08) await person.resume();
      await sleep(700 + chance() * 800);
    }
    await go(person, mayCut);
  } catch (error) {
    person.close();
    throw error;
  } finally {
    hush();
  }
}

async function churn(seconds) {
  const startedAt = performance.now();
  const result = { visits: 0, failed: 0, errors: {} };
  const elapsed = () => (performance.now() - startedAt) / 1_000;
  const lane = async () => {
    while (elapsed() < seconds) {
      result.visits += 1;
      await visit(elapsed() < seconds * CUT_BEFORE).catch((error) => {
        result.failed += 1;
        result.errors[error.message] = (result.errors[error.message] ?? 0) + 1;
      });
      await sleep(1_000 + chance() * 3_000);
    }
  };
  await Promise.all(Array.from({ length: Number(visitors) }, lane));
  return result;
}

process.on("message", async (message) => {
  if (message.stay === true) {
    await stay();
    process.send({ ready: true });
  } else process.send({ rest: await churn(message.churn) });
});
process.on("disconnect", () => process.exit(0));
