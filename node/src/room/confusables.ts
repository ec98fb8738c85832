// Which characters look like which. Our own short table: the letters and digits of Latin, Cyrillic and Greek that common
// fonts draw alike, after the idea of UTS #39 section 4, not its data. Left of each pair the look-alikes, right what they look like.

const AS_WRITTEN: readonly (readonly [string, string])[] = [
  // Capitals count as they are written: a capital Cyrillic Н passes for H, its small letter for nothing Latin.
  ["АΑ", "a"],
  ["ВΒ", "b"],
  ["СϹ", "c"],
  ["ЕΕ", "e"],
  ["НΗ", "h"],
  ["ІΙӀ", "I"],
  ["Ј", "j"],
  ["КΚ", "k"],
  ["МΜ", "m"],
  ["Ν", "n"],
  ["ОΟ", "o"],
  ["РΡ", "p"],
  ["Ѕ", "s"],
  ["ТΤ", "t"],
  ["ХΧ", "x"],
  ["УΥ", "y"],
  ["Ζ", "z"],
  ["Ԛ", "q"],
  ["Ԝ", "w"],
];

const FOLDED: readonly (readonly [string, string])[] = [
  ["аαɑ", "a"],
  ["ь", "b"],
  ["сϲ", "c"],
  ["ԁ", "d"],
  ["еҽ", "e"],
  ["ɡ", "g"],
  ["һ", "h"],
  ["іιɩ", "i"],
  ["јϳ", "j"],
  ["кκ", "k"],
  ["1ӏǀ", "l"],
  ["п", "n"],
  ["0оοօ", "o"],
  ["рρ", "p"],
  ["ԛ", "q"],
  ["г", "r"],
  ["ѕ", "s"],
  ["υʋ", "u"],
  ["νѵ", "v"],
  ["ԝѡ", "w"],
  ["хχ", "x"],
  ["уγү", "y"],
];

/** Pairs of letters that run together, replaced after the single ones. */
const PAIRS: readonly (readonly [string, string])[] = [
  ["rn", "m"],
  ["vv", "w"],
];

const WRITTEN_TABLE = tableOf(AS_WRITTEN);
const FOLDED_TABLE = tableOf(FOLDED);

function tableOf(rows: readonly (readonly [string, string])[]): ReadonlyMap<string, string> {
  const table = new Map<string, string>();
  for (const [lookAlikes, looksLike] of rows) {
    for (const character of lookAlikes) table.set(character, looksLike);
  }
  return table;
}

/** Replaces what passes for another letter in the case in which it is written. Before folding. */
export function replaceWrittenLookAlikes(text: string): string {
  // A capital I passes for l behind a small letter ("PayPaI"); at the head of a word and among capitals it reads as I.
  return replaceAll(text, WRITTEN_TABLE).replace(/(?<=\p{Ll})I/gu, "l");
}

/** Replaces what passes for another letter or digit in folded text, then pairs that run together. */
export function replaceFoldedLookAlikes(text: string): string {
  return PAIRS.reduce(
    (replaced, [pair, looksLike]) => replaced.replaceAll(pair, looksLike),
    replaceAll(text, FOLDED_TABLE),
  );
}

function replaceAll(text: string, table: ReadonlyMap<string, string>): string {
  let replaced = "";
  for (const character of text) replaced += table.get(character) ?? character;
  return replaced;
}
