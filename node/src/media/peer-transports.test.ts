import { expect, test } from "@jest/globals";
import { PeerTransports } from "./peer-transports.ts";

test("[G15] the end of a replaced transport is no news, that of the present one is, and then the client is unknown", () => {
  const transports = new PeerTransports();
  const first = transports.begin("ann");
  expect(transports.end("ann", first, first.number)).toBe("open");
  const second = transports.begin("ann");
  expect(transports.end("ann", second, second.number)).toBe("open");
  expect(transports.isPresent("ann", first.number)).toBe(false);
  expect(transports.isPresent("ann", second.number)).toBe(true);
  expect(transports.ended("ann", second.number)).toBe(true);
  expect(transports.isPresent("ann", second.number)).toBe(false);
});

test("[G15] an end that crosses an offer counts only when no other transport answers", () => {
  const transports = new PeerTransports();
  const first = transports.begin("ann");
  transports.end("ann", first, first.number);
  const answered = transports.begin("ann");
  expect(transports.ended("ann", first.number)).toBe(false);
  expect(transports.end("ann", answered, answered.number)).toBe("open");
  const refused = transports.begin("ann");
  expect(transports.ended("ann", answered.number)).toBe(false);
  expect(transports.end("ann", refused, undefined)).toBe("gone");
});

test("[G15] of several offers the last to end says what became of the client", () => {
  const transports = new PeerTransports();
  const [one, two] = [transports.begin("ann"), transports.begin("ann")];
  expect(transports.end("ann", one, undefined)).toBe("open");
  expect(transports.end("ann", two, undefined)).toBe("unused");
  const kept = transports.begin("ann");
  transports.end("ann", kept, kept.number);
  const refused = transports.begin("ann");
  expect(transports.end("ann", refused, undefined)).toBe("open");
  expect(transports.isPresent("ann", kept.number)).toBe(true);
});

test("[G15] after a close nothing that came before it is news, nor the end of its offers", () => {
  const transports = new PeerTransports();
  const before = transports.begin("ann");
  transports.forget("ann");
  expect(transports.isPresent("ann", before.number)).toBe(false);
  const after = transports.begin("ann");
  expect(transports.end("ann", before, undefined)).toBe("closed");
  expect(transports.isPresent("ann", before.number)).toBe(false);
  expect(transports.end("ann", after, after.number)).toBe("open");
});
