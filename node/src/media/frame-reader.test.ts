import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { FrameReader, frame } from "./frame-reader.ts";

test("[G25] a stream is cut into its frames wherever its chunks begin and end, and empty frames are left out", () => {
  const datagrams = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 });
  fc.assert(
    fc.property(datagrams, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(frame));
      const reader = new FrameReader(60);
      const received: string[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const end = at + (cuts[turn % cuts.length] ?? 1);
        received.push(...(reader.read(stream.subarray(at, end)) ?? []).map((bytes) => bytes.toString("hex")));
        at = end;
      }
      expect(received).toEqual(
        sent.filter(({ length }) => length > 0).map((bytes) => Buffer.from(bytes).toString("hex")),
      );
    }),
    { seed: 41, numRuns: 200 },
  );
});

test("[G25] a frame longer than allowed makes the stream useless as soon as its length is there", () => {
  expect(new FrameReader(10).read(frame(new Uint8Array(10)))).toHaveLength(1);
  expect(new FrameReader(10).read(Buffer.from([0, 11]))).toBeUndefined();
  const reader = new FrameReader(10);
  expect(reader.read(Buffer.from([255]))).toEqual([]);
  expect(reader.read(Buffer.from([255]))).toBeUndefined();
});
