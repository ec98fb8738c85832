/**
 * X25519 (RFC 7748), which all browsers prefer, by OpenSSL. werift has it from tweetnacl in JavaScript: two multiplications of
 * a handshake took a third of its CPU. The functions are put where werift calls them; without that module, or for keys
 * that were not made here, everything stays as it is.
 */
import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createRequire } from "node:module";

/** The two functions of tweetnacl that werift's DTLS uses. Keys and points have 32 bytes. */
export interface CurveFunctions {
  box: { keyPair: () => { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array } };
  scalarMult: (secretKey: Uint8Array, point: Uint8Array) => Uint8Array;
}

const done = new WeakSet<CurveFunctions>();

/** Idempotent. The module that werift has loaded; undefined where it has none. */
export function useNativeCurve(module: CurveFunctions | undefined = curveOfWerift()): void {
  if (module === undefined || done.has(module)) return;
  done.add(module);
  // By the memory of a secret key, as werift makes views of its own of it.
  const known = new WeakMap<ArrayBufferLike, KeyObject>();
  const inJavaScript = module.scalarMult;
  module.box.keyPair = () => {
    const { privateKey } = generateKeyPairSync("x25519");
    const { d, x } = privateKey.export({ format: "jwk" });
    if (d === undefined || x === undefined) throw new Error("a new key has no bytes");
    // werift takes the whole memory of what it gets: no slices of a pool.
    const secretKey = new Uint8Array(Buffer.from(d, "base64url"));
    known.set(secretKey.buffer, privateKey);
    return { publicKey: new Uint8Array(Buffer.from(x, "base64url")), secretKey };
  };
  // A point of low order makes OpenSSL throw, as RFC 8422 section 5.11 demands; werift ends that association.
  module.scalarMult = (secretKey, point) => {
    const privateKey = known.get(secretKey.buffer);
    if (privateKey === undefined) return inJavaScript(secretKey, point);
    const x = Buffer.from(point).toString("base64url");
    const publicKey = createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
    return new Uint8Array(diffieHellman({ privateKey, publicKey }));
  };
}

function curveOfWerift(): CurveFunctions | undefined {
  try {
    const own = createRequire(import.meta.url);
    const found: unknown = createRequire(own.resolve("werift"))("tweetnacl");
    return hasCurve(found) ? found : undefined;
  } catch {
    // Another werift may have its curve from elsewhere: it is slower then, and right.
    return undefined;
  }
}

function hasCurve(module: unknown): module is CurveFunctions {
  if (typeof module !== "object" && typeof module !== "function") return false;
  const { box, scalarMult } = (module ?? {}) as Partial<CurveFunctions>;
  return typeof box?.keyPair === "function" && typeof scalarMult === "function";
}
