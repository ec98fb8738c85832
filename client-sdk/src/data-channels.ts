/** Messages of applications: one channel that is reliable and in order, one on which old news is not repeated. */
import { type DataFrame, decodeData } from "./protocol/data-frame.ts";

/** What may wait to be sent; at the bound a reliable message is refused and a lossy one is dropped. */
const MAX_BUFFERED_BYTES = 1_048_576;
const MAX_LOSSY_BUFFERED_BYTES = 16_384;

export class DataChannels {
  readonly #reliable: RTCDataChannel | undefined;
  readonly #lossy: RTCDataChannel | undefined;

  /** The ids are agreed on by the protocol, so nothing has to be negotiated for them. */
  constructor(connection: RTCPeerConnection, received: (frame: DataFrame, lossy: boolean) => void) {
    if (typeof connection.createDataChannel !== "function") return;
    this.#reliable = connection.createDataChannel("events", { negotiated: true, id: 0 });
    this.#lossy = connection.createDataChannel("lossy", { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 });
    for (const channel of [this.#reliable, this.#lossy]) {
      channel.binaryType = "arraybuffer";
      channel.onmessage = ({ data }: { readonly data: unknown }) => {
        const frame = data instanceof ArrayBuffer ? decodeData(new Uint8Array(data)) : undefined;
        if (frame !== undefined) received(frame, channel === this.#lossy);
      };
    }
  }

  /** False when there is no way now. */
  send(frame: Uint8Array<ArrayBuffer>, lossy: boolean): boolean {
    const channel = lossy ? this.#lossy : this.#reliable;
    const limit = lossy ? MAX_LOSSY_BUFFERED_BYTES : MAX_BUFFERED_BYTES;
    if (channel?.readyState !== "open" || channel.bufferedAmount > limit) return false;
    channel.send(frame);
    return true;
  }
}
