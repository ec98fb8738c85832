// A process of people who send: each message until it is acknowledged, by the same clientId, through the other node when one
// does not answer. Asked by its parent with {urls, slug, people, rate, count}; answers with what was acknowledged.
import { sleep } from "../lib/proc.mjs";
import { call, nowMs } from "./http.mjs";

/** Messages under way at once; beyond it the pace is not kept, which `behind` counts. */
const MAX_UNDER_WAY = 2_000;

async function send({ urls, slug, stats }, person, number) {
  const [clientId, text, at] = [`c${number}`, `message ${number}`, number % 2];
  for (let attempt = 0; ; attempt += 1) {
    const startedMs = nowMs();
    let pauseMs = 200 + Math.random() * 300;
    try {
      const options = { token: person.token, body: { text, clientId } };
      const answer = await call(urls[(at + attempt) % 2], "POST", `/v1/rooms/${slug}/messages`, options);
      if (answer.status < 300) return { id: answer.body.id, text, at, attempt, startedMs, answeredMs: nowMs() };
      stats.refused[answer.body.code] = (stats.refused[answer.body.code] ?? 0) + 1;
      pauseMs = Math.max(pauseMs, answer.body.retryAfterMs ?? 0);
    } catch {
      // Nobody listens, or the answer was lost: it is not known whether it was stored.
      stats.broken += 1;
    }
    stats.retries += 1;
    await sleep(pauseMs);
  }
}

async function run(task) {
  const { people, rate, count } = task;
  const stats = { retries: 0, broken: 0, behind: 0, refused: {} };
  const acked = [];
  let underWay = 0;
  const startMs = nowMs();
  const all = [];
  for (let number = 0; number < count; number += 1) {
    const dueMs = startMs + (number * 1_000) / rate;
    if (nowMs() < dueMs) await sleep(dueMs - nowMs());
    if (underWay >= MAX_UNDER_WAY) stats.behind += 1;
    while (underWay >= MAX_UNDER_WAY) await sleep(5);
    underWay += 1;
    all.push(
      send({ ...task, stats }, people[number % people.length], number).then((one) => {
        underWay -= 1;
        acked.push(one);
        if (acked.length % 5_000 === 0) console.error(JSON.stringify({ acknowledged: acked.length, ...stats }));
      }),
    );
  }
  await Promise.all(all);
  return { acked, stats, seconds: (nowMs() - startMs) / 1_000 };
}

process.once("message", async (task) => {
  process.send(await run(task), () => process.exit(0));
});

process.on("disconnect", () => process.exit(1));
