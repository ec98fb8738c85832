/** An endpoint as the media plane names it, and the bytes of its address. */

export type AddressFamily = 4 | 6;

export interface UdpAddress {
  readonly host: string;
  readonly port: number;
  readonly family: AddressFamily;
  /** The far end of a TCP connection to this port instead. */
  readonly tcp?: true;
  /** Of such a connection: priority of the candidate of ours that it was made to. */
  readonly localPriority?: number;
}

/** One string per endpoint: the key of every table by address. */
export function addressKey(host: string, port: number): string {
  return `${host}:${port}`;
}

/** The same for an endpoint of either kind. */
export function endpointKey({ host, port, tcp }: UdpAddress): string {
  return tcp === true ? `tcp ${addressKey(host, port)}` : addressKey(host, port);
}

export function sameAddress(a: UdpAddress | undefined, b: UdpAddress | undefined): boolean {
  return a !== undefined && b !== undefined && a.port === b.port && a.host === b.host && a.tcp === b.tcp;
}

/** 4 or 16 bytes in network order; undefined when the text is not an address literal. A zone ("%eth0") is ignored. */
export function ipToBytes(text: string): Uint8Array | undefined {
  return text.includes(":") ? ipv6ToBytes(text.split("%", 1)[0] ?? "") : ipv4ToBytes(text);
}

export function familyOf(text: string): AddressFamily | undefined {
  const bytes = ipToBytes(text);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 ? 4 : 6;
}

function ipv4ToBytes(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

function ipv6ToBytes(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = ipv6Groups(halves[0] ?? "");
  const tail = ipv6Groups(halves[1] ?? "");
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(halves.length === 1 ? 0 : missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function ipv6Groups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  for (const part of text.split(":")) {
    if (part.includes(".")) {
      const v4 = ipv4ToBytes(part);
      if (v4 === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = v4;
      groups.push((a << 8) | b, (c << 8) | d);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups.length > 8 ? undefined : groups;
}

/** Text of 4 or 16 address bytes; IPv6 without compression of zeros. */
export function bytesToIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let i = 0; i + 1 < bytes.length; i += 2)
    groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(":");
}
