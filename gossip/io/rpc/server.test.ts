import { expect, test } from "@jest/globals";
import { LogTee } from "../log.ts";
import type { RpcBackend } from "./backend.ts";
import { isLoopback, RpcServer } from "./server.ts";

const nobody = {} as RpcBackend;

test("others than this machine may connect only with a key", () => {
  const make = (host: string, authKey?: string): RpcServer =>
    new RpcServer({ host, port: 0, ...(authKey === undefined ? {} : { authKey }) }, nobody, new LogTee());
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.org"]) {
    expect(() => make(host)).toThrow("needs an auth key");
    expect(() => make(host, "")).toThrow("needs an auth key");
    expect(() => make(host, "s3cret")).not.toThrow();
  }
  for (const host of ["127.0.0.1", "127.79.3.4", "::1", "localhost"]) {
    expect(isLoopback(host)).toBe(true);
    expect(() => make(host)).not.toThrow();
  }
});
