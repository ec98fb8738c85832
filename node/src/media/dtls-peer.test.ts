import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "@jest/globals";
import { RTCCertificate } from "werift";
import { createCertificate, DtlsPeer, type Fingerprint, fingerprintOf, type SrtpMasterKeys } from "./dtls-peer.ts";

type Keys = { readonly local: SrtpMasterKeys; readonly remote: SrtpMasterKeys };
interface End {
  readonly peer: DtlsPeer;
  readonly result: Promise<Keys | Error | undefined>;
  readonly drops: string[];
  readonly closed: (Error | undefined)[];
  readonly sent: Buffer[];
}

async function pair(
  expected: { readonly ofClient?: Fingerprint; readonly stolen?: boolean; readonly twice?: boolean } = {},
): Promise<{ server: End; client: End }> {
  const certificate = await createCertificate();
  const own = fingerprintOf(certificate);
  const ends: { server?: End; client?: End } = {};
  const open = (role: "server" | "client", remote: Fingerprint): End => {
    const drops: string[] = [];
    const closed: (Error | undefined)[] = [];
    const sent: Buffer[] = [];
    let settle: (outcome: Keys | Error | undefined) => void = () => undefined;
    const result = new Promise<Keys | Error | undefined>((resolve) => (settle = resolve));
    const other = role === "server" ? "client" : "server";
    const peer = new DtlsPeer(
      { role, certificate: role === "client" && expected.stolen ? withAnotherKey(certificate) : certificate, remote },
      {
        send: (bytes) => {
          sent.push(bytes);
          // werift's receivers must not run inside the sender's call.
          queueMicrotask(() => ends[other]?.peer.handle(bytes));
          if (expected.twice === true) queueMicrotask(() => ends[other]?.peer.handle(bytes));
        },
        connected: settle,
        closed: (error) => {
          closed.push(error);
          settle(error);
        },
        dropped: (reason) => drops.push(reason),
      },
    );
    return { peer, result, drops, closed, sent };
  };
  ends.server = open("server", expected.ofClient ?? own);
  ends.client = open("client", own);
  ends.server.peer.start();
  ends.client.peer.start();
  return { server: ends.server, client: ends.client };
}

test("[G9] a handshake whose every datagram comes twice still ends well", async () => {
  const { server, client } = await pair({ twice: true });
  const [a, b] = await Promise.all([server.result, client.result]);
  if (a === undefined || b === undefined || a instanceof Error || b instanceof Error) throw new Error("no keys");
  expect(a.local).toEqual(b.remote);
  expect(client.drops).toContain("dtls_repeated");
  client.peer.close();
  server.peer.close();
});

test("[G9] both ends export the same keys, each the other's way round", async () => {
  const { server, client } = await pair();
  const [a, b] = await Promise.all([server.result, client.result]);
  if (a === undefined || b === undefined || a instanceof Error || b instanceof Error) throw new Error("no keys");
  expect(a.local).toEqual(b.remote);
  expect(a.remote).toEqual(b.local);
  expect([a.local.masterKey.length, a.local.masterSalt.length]).toEqual([16, 14]);
  server.peer.close();
  client.peer.close();
});

test("[G10] records of epoch 0 after the handshake are dropped, so a new ClientHello cannot reset it", async () => {
  const { server, client } = await pair();
  await Promise.all([server.result, client.result]);
  const hello = client.sent[0];
  if (hello === undefined) throw new Error("no ClientHello");
  const answers = server.sent.length;
  server.peer.handle(hello);
  server.peer.handle(Buffer.from([21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40]));
  await new Promise((resolve) => setImmediate(resolve));
  expect(server.drops).toEqual(["dtls_epoch_zero", "dtls_epoch_zero"]);
  expect(server.sent.length).toBe(answers);
  expect(server.peer.connected).toBe(true);
  server.peer.close();
  client.peer.close();
});

test("[G10] an alert that does not verify and a record of no known type change nothing; a real close_notify closes", async () => {
  const { server, client } = await pair();
  await Promise.all([server.result, client.result]);
  const record = (type: number, body: number[]): Buffer =>
    Buffer.from([type, 254, 253, 0, 1, 0, 0, 0, 0, 0, 99, 0, body.length, ...body]);
  server.peer.handle(record(21, [1, 0]));
  server.peer.handle(record(21, [2, 40, ...Array.from({ length: 24 }, () => 7)]));
  server.peer.handle(record(99, [1, 0]));
  expect(server.drops).toEqual(["dtls_bad_alert", "dtls_bad_alert", "dtls_unexpected_type"]);
  expect(server.peer.connected).toBe(true);
  const before = server.closed.length;
  client.peer.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect([before, server.closed]).toEqual([0, [undefined]]);
});

test("the key pairs of a handshake are forgotten with its end", async () => {
  const { server, client } = await pair();
  await Promise.all([server.result, client.result]);
  for (const { peer } of [server, client]) {
    expect(peer.transport.dtls?.cipher.localKeyPair).toBeUndefined();
    expect(peer.transport.dtls?.cipher.remoteKeyPair).toEqual({});
    peer.close();
  }
});

test("[G9] a certificate of another fingerprint is refused", async () => {
  const wrong = { algorithm: "sha-256", value: Array.from({ length: 32 }, () => "AB").join(":") };
  const { server, client } = await pair({ ofClient: wrong });
  const outcome = await server.result;
  expect(outcome).toBeInstanceOf(Error);
  expect(server.peer.connected).toBe(false);
  client.peer.close();
});

test("[G10] what is no whole DTLS record is dropped and counted", async () => {
  const { server, client } = await pair();
  const noise = [Buffer.from([22]), Buffer.from([22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 1]), Buffer.alloc(40, 22)];
  for (const bytes of noise) server.peer.handle(bytes);
  expect(server.drops).toEqual(["dtls_malformed", "dtls_malformed", "dtls_malformed"]);
  await Promise.all([server.result, client.result]);
  expect(server.peer.connected).toBe(true);
  server.peer.close();
  server.peer.handle(Buffer.from([22]));
  expect(server.drops.at(-1)).toBe("dtls_closed");
  client.peer.close();
});

test("[G9] a client that shows the right certificate but does not own its key is refused", async () => {
  const { server, client } = await pair({ stolen: true });
  expect(await server.result).toBeInstanceOf(Error);
  expect(server.peer.connected).toBe(false);
  client.peer.close();
});

/** What an attacker has who saw the certificate pass by: the certificate, and a key of his own. */
function withAnotherKey(certificate: RTCCertificate): RTCCertificate {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return new RTCCertificate(
    privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate.certPem,
    certificate.signatureHash,
  );
}
