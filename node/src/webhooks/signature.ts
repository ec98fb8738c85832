/**
 * How a receiver knows that a delivery is from this mesh, and is not an old one told again:
 * `hearsay-signature: t=<Unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" by the webhook's secret>`. Pure.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

const SIGNATURE = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;

export function signatureOf(body: string, secret: string, atSeconds: number): string {
  return `t=${atSeconds},v1=${digest(body, secret, atSeconds)}`;
}

/** For receivers, and for our tests. `toleranceSeconds`: how old a delivery may be. */
export function isSigned(
  body: string,
  header: string,
  {
    secret,
    nowSeconds,
    toleranceSeconds,
  }: { readonly secret: string; readonly nowSeconds: number; readonly toleranceSeconds: number },
): boolean {
  const [, at = "", given = ""] = SIGNATURE.exec(header) ?? [];
  if (given === "" || Math.abs(nowSeconds - Number(at)) > toleranceSeconds) return false;
  return timingSafeEqual(Buffer.from(given), Buffer.from(digest(body, secret, Number(at))));
}

function digest(body: string, secret: string, atSeconds: number): string {
  return createHmac("sha256", secret).update(`${atSeconds}.${body}`).digest("hex");
}
