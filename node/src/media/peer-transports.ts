/**
 * Which transport of a client is the present one. Every offer has a number that the transport it makes will bear, and
 * events name that number; so news of a transport that was closed or replaced is told from news of the one in its place,
 * however the two cross between threads. Pure.
 */

/** What one client has, from its first offer until it is closed or gone. */
interface Peer {
  /** Lower numbers are transports of the past. */
  floor: number;
  /** Offers without an answer yet. */
  pending: number;
  /** Whether any offer was answered. */
  answered: boolean;
  /** The transport that ended while offers were pending: their answers say whether another is in its place. */
  ended: number | undefined;
}

/** An offer that is under way. */
export interface PendingOffer {
  readonly number: number;
  readonly peer: object;
}

/** What the end of an offer means for its client: it has a transport or may get one, it has lost it, it never had one; or it is another's affair. */
export type OfferOutcome = "open" | "gone" | "unused" | "closed";

export class PeerTransports {
  readonly #peers = new Map<string, Peer>();
  #last = 0;

  begin(peerId: string): PendingOffer {
    this.#last++;
    const peer = this.#peers.get(peerId) ?? { floor: this.#last, pending: 0, answered: false, ended: undefined };
    this.#peers.set(peerId, peer);
    peer.pending++;
    return { number: this.#last, peer };
  }

  /** `transport`: the one that answered; undefined: the offer was refused. */
  end(peerId: string, offer: PendingOffer, transport: number | undefined): OfferOutcome {
    const peer = this.#peers.get(peerId);
    if (peer === undefined || peer !== offer.peer) return "closed";
    peer.pending--;
    if (transport !== undefined) {
      peer.answered = true;
      peer.floor = Math.max(peer.floor, transport);
      if (peer.ended !== undefined && peer.ended < peer.floor) peer.ended = undefined;
    }
    if (peer.pending > 0) return "open";
    const outcome = peer.ended !== undefined ? "gone" : peer.answered ? "open" : "unused";
    if (outcome !== "open") this.#peers.delete(peerId);
    return outcome;
  }

  /** Whether an event of that transport is news; one without a number always is. */
  isPresent(peerId: string, transport: number | undefined): boolean {
    if (transport === undefined) return true;
    const peer = this.#peers.get(peerId);
    return peer !== undefined && transport >= peer.floor;
  }

  /** A present transport ended. False: a pending offer will show what that means. */
  ended(peerId: string, transport: number | undefined): boolean {
    const peer = this.#peers.get(peerId);
    if (peer !== undefined && peer.pending > 0 && transport !== undefined) {
      peer.ended = transport;
      return false;
    }
    this.#peers.delete(peerId);
    return true;
  }

  /** Closed by us: nothing that its transports still say is news. */
  forget(peerId: string): void {
    this.#peers.delete(peerId);
  }
}
