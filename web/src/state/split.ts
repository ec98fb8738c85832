/** How an expense is shared, while it is being written down: whole minor units only, and they must add up. Pure. */
import { minorOf } from "./amounts.ts";

export type Way = "equal" | "weight" | "exact";
export interface ShareInput {
  readonly userId: string;
  readonly weight?: number;
  readonly exactMinor?: number;
}
export interface Split {
  /** Ready to be sent; undefined: something is missing or does not add up. */
  readonly shares: readonly ShareInput[] | undefined;
  /** Of exact amounts: what is not given to anybody yet, negative when too much is. */
  readonly restMinor: number;
  /** What is typed and makes no sense, by person. */
  readonly wrong: ReadonlySet<string>;
}

/** Nodes take weights up to this. */
const MAX_WEIGHT = 1_000;

const weightOf = (text: string): number | undefined => {
  const weight = /^\d{1,4}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return weight >= 1 && weight <= MAX_WEIGHT ? weight : undefined;
};

/** `typed`: what stands in each person's field; who has nothing (or 0) shares nothing. */
export function splitOf(input: {
  readonly way: Way;
  readonly people: readonly string[];
  readonly typed: ReadonlyMap<string, string>;
  readonly amountMinor: number | undefined;
  readonly currency: string;
}): Split {
  const { way, people, typed, amountMinor, currency } = input;
  if (way === "equal") {
    const shares = people.map((userId) => ({ userId }));
    return { shares: shares.length === 0 ? undefined : shares, restMinor: 0, wrong: new Set() };
  }
  const wrong = new Set<string>();
  const shares: ShareInput[] = [];
  for (const userId of people) {
    const share = shareOf(userId, typed.get(userId) ?? (way === "weight" ? "1" : ""), way, currency);
    if (share === "wrong") wrong.add(userId);
    else if (share !== "none") shares.push(share);
  }
  const given = shares.reduce((sum, { exactMinor = 0 }) => sum + exactMinor, 0);
  const restMinor = way === "exact" ? (amountMinor ?? 0) - given : 0;
  const isWhole = shares.length > 0 && wrong.size === 0 && restMinor === 0;
  return { shares: isWhole ? shares : undefined, restMinor, wrong };
}

function shareOf(
  userId: string,
  text: string,
  way: "weight" | "exact",
  currency: string,
): ShareInput | "none" | "wrong" {
  if (/^(0+([.,]0*)?)?$/.test(text.trim())) return "none";
  if (way === "weight") {
    const weight = weightOf(text);
    return weight === undefined ? "wrong" : { userId, weight };
  }
  const exactMinor = minorOf(text, currency);
  return exactMinor === undefined ? "wrong" : { userId, exactMinor };
}
