/**
 * A window onto one RTP packet (RFC 3550 section 5.1, RFC 8285). One view object is reused for packet after packet: it
 * reads fields in place and copies nothing.
 *
 *   0                   1                   2                   3
 *  |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *  |                           timestamp                           |
 *  |           synchronization source (SSRC) identifier            |
 *  |            contributing source (CSRC) identifiers  ....       |
 *  |  0xBEDE or 0x100x             |  length in 32-bit words       |
 *  |  extension elements ....                                      |
 */

/** What an extension id means; the values are indexes of no wire format. */
export const EXTENSION_MID = 1;
export const EXTENSION_RID = 2;
export const EXTENSION_REPAIRED_RID = 3;
export const EXTENSION_ABS_SEND_TIME = 4;
export const EXTENSION_TRANSPORT_SEQUENCE = 5;
export const EXTENSION_AUDIO_LEVEL = 6;
export const EXTENSION_DEPENDENCY = 7;

/** Meaning by extension id (1 to 255); ids that are not set are skipped unread. */
export class ExtensionTable {
  readonly meaning = new Uint8Array(256);

  set(id: number | undefined, meaning: number): this {
    if (id !== undefined && id > 0 && id < 256) this.meaning[id] = meaning;
    return this;
  }
}

export type RtpParseReason = "too_short" | "bad_version" | "bad_header";

const ONE_BYTE_PROFILE = 0xbede;
const TWO_BYTE_PROFILE = 0x1000;
const NOTHING = new Uint8Array(0);

export class RtpView {
  bytes: Uint8Array = NOTHING;
  /** Where the packet starts in `bytes`. */
  offset = 0;
  /** Of the whole packet, without an SRTP tag. */
  length = 0;
  headerLength = 0;
  /** As `length`, without padding once `trimPadding` was called. */
  payloadLength = 0;
  hasPadding = false;
  marker = false;
  payloadType = 0;
  seq = 0;
  timestamp = 0;
  ssrc = 0;
  /** Transport-wide sequence number, -1 without the extension. */
  transportSeq = -1;
  /** -dBov, 0 loudest to 127 silence (RFC 6464); -1 without the extension. */
  audioLevel = -1;
  midStart = 0;
  midLength = 0;
  ridStart = 0;
  ridLength = 0;
  repairedRidStart = 0;
  repairedRidLength = 0;
  /** Dependency descriptor. */
  dependencyStart = 0;
  dependencyLength = 0;

  get payloadOffset(): number {
    return this.offset + this.headerLength;
  }

  /** Of a dependency descriptor that is there. */
  get frameNumber(): number {
    return ((this.bytes[this.dependencyStart + 1] as number) << 8) | (this.bytes[this.dependencyStart + 2] as number);
  }

  /** Reads the header. Any bytes give true or a reason in `parseReason`; the view is unusable after false. */
  parse(bytes: Uint8Array, offset: number, length: number, extensions: ExtensionTable): RtpParseReason | undefined {
    if (length < 12) return "too_short";
    const first = bytes[offset] as number;
    if (first >> 6 !== 2) return "bad_version";
    const second = bytes[offset + 1] as number;
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    this.hasPadding = (first & 0x20) !== 0;
    this.marker = second >= 0x80;
    this.payloadType = second & 0x7f;
    this.seq = ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number);
    this.timestamp = readUint32(bytes, offset + 4);
    this.ssrc = readUint32(bytes, offset + 8);
    this.transportSeq = -1;
    this.audioLevel = -1;
    this.midLength = 0;
    this.ridLength = 0;
    this.repairedRidLength = 0;
    this.dependencyLength = 0;
    let headerLength = 12 + (first & 0x0f) * 4;
    if ((first & 0x10) !== 0) {
      if (headerLength + 4 > length) return "bad_header";
      const start = offset + headerLength;
      const words = ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number);
      headerLength += 4 + words * 4;
      if (headerLength > length) return "bad_header";
      this.#readExtensions(start, offset + headerLength, extensions.meaning);
    }
    if (headerLength > length) return "bad_header";
    this.headerLength = headerLength;
    this.payloadLength = length - headerLength;
    return undefined;
  }

  /** The same packet, now lying elsewhere (after decryption into packet memory). Extension positions move along. */
  moveTo(bytes: Uint8Array, offset: number): void {
    const by = offset - this.offset;
    this.bytes = bytes;
    this.offset = offset;
    this.midStart += by;
    this.ridStart += by;
    this.repairedRidStart += by;
    this.dependencyStart += by;
  }

  /** Takes padding off the payload; to be called on plaintext. False: the padding count is a lie. */
  trimPadding(): boolean {
    if (!this.hasPadding) return true;
    const count = this.payloadLength === 0 ? 0 : (this.bytes[this.offset + this.length - 1] as number);
    if (count === 0 || count > this.payloadLength) return false;
    this.payloadLength -= count;
    this.length -= count;
    this.hasPadding = false;
    return true;
  }

  mid(): string {
    return readText(this.bytes, this.midStart, this.midLength);
  }

  rid(): string {
    return readText(this.bytes, this.ridStart, this.ridLength);
  }

  repairedRid(): string {
    return readText(this.bytes, this.repairedRidStart, this.repairedRidLength);
  }

  /** `start` is at the profile, `end` behind the last element. A malformed element ends the walk; the packet stays good. */
  #readExtensions(start: number, end: number, meaning: Uint8Array): void {
    const profile = ((this.bytes[start] as number) << 8) | (this.bytes[start + 1] as number);
    if (profile === ONE_BYTE_PROFILE) this.#readOneByteElements(start + 4, end, meaning);
    else if ((profile & 0xfff0) === TWO_BYTE_PROFILE) this.#readTwoByteElements(start + 4, end, meaning);
  }

  /** RFC 8285 section 4.2: four bits of id, four of length less one; 0 pads, id 15 ends. */
  #readOneByteElements(start: number, end: number, meaning: Uint8Array): void {
    let at = start;
    while (at < end) {
      const head = this.bytes[at++] as number;
      if (head === 0) continue;
      const length = (head & 0x0f) + 1;
      if (head >= 0xf0 || at + length > end) return;
      const means = meaning[head >> 4] as number;
      if (means !== 0) this.#readElement(means, at, length);
      at += length;
    }
  }

  /** RFC 8285 section 4.3: a byte of id, a byte of length; 0 pads. */
  #readTwoByteElements(start: number, end: number, meaning: Uint8Array): void {
    let at = start;
    while (at < end) {
      const id = this.bytes[at++] as number;
      if (id === 0) continue;
      if (at >= end) return;
      const length = this.bytes[at++] as number;
      if (at + length > end) return;
      const means = meaning[id] as number;
      if (means !== 0) this.#readElement(means, at, length);
      at += length;
    }
  }

  #readElement(means: number, at: number, length: number): void {
    if (means === EXTENSION_TRANSPORT_SEQUENCE) {
      if (length >= 2) this.transportSeq = ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
    } else if (means === EXTENSION_AUDIO_LEVEL) {
      if (length >= 1) this.audioLevel = (this.bytes[at] as number) & 0x7f;
    } else if (means === EXTENSION_MID) {
      this.midStart = at;
      this.midLength = length;
    } else if (means === EXTENSION_RID) {
      this.ridStart = at;
      this.ridLength = length;
    } else if (means === EXTENSION_REPAIRED_RID) {
      this.repairedRidStart = at;
      this.repairedRidLength = length;
    } else if (means === EXTENSION_DEPENDENCY) {
      this.dependencyStart = at;
      this.dependencyLength = length;
    }
  }
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

function readText(bytes: Uint8Array, start: number, length: number): string {
  let text = "";
  for (let i = start; i < start + length; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}
