/**
 * How well the participants of a room are connected, as far as this node knows, and what of it is news. Pure.
 * Rules: SPEC.md [P110…P112].
 */
export interface Score {
  readonly participantId: string;
  /** 1 to 5, in tenths. */
  readonly score: number;
}

/** A score that moves less than this is no news. */
export const NEWS_STEP = 0.3;

export class QualityBoard {
  readonly #scores = new Map<string, number>();

  /** Those of `scores` that changed enough to be told. */
  note(scores: readonly Score[]): readonly Score[] {
    const news = scores.filter(({ participantId, score }) => {
      const known = this.#scores.get(participantId);
      // Tenths are compared as whole numbers: 4.7 - 4.4 is less than 0.3 in binary.
      return known === undefined || Math.round(Math.abs(known - score) * 10) >= NEWS_STEP * 10;
    });
    for (const { participantId, score } of news) this.#scores.set(participantId, score);
    return news;
  }

  /** Forgets everybody who is not here. */
  keep(isHere: (participantId: string) => boolean): void {
    for (const participantId of [...this.#scores.keys()])
      if (!isHere(participantId)) this.#scores.delete(participantId);
  }

  all(): readonly Score[] {
    return [...this.#scores].map(([participantId, score]) => ({ participantId, score }));
  }
}
