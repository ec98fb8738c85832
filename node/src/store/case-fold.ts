// One case folding for handles and room names, so that two spellings meet wherever they are compared.

/**
 * Folds the case of `text` and normalises it.
 *
 * JavaScript has no Unicode case folding; lower → upper → lower reaches the same classes (ß and ss, ſ and s) and the final
 * sigma, which toLowerCase chooses by its place in the word, is made plain. Stricter than Unicode in one respect: the
 * dotless ı folds to i. Idempotent.
 */
export function foldCase(text: string, form: "NFC" | "NFKC"): string {
  let folded = text.normalize(form);
  // Two rounds reach the fixed point for every assigned character; a third would change nothing (tested).
  for (let round = 0; round < 2; round++) {
    folded = folded.toLowerCase().toUpperCase().toLowerCase().replaceAll("ς", "σ").normalize(form);
  }
  return folded;
}

/** What makes a handle unique: its case-folded NFKC form. */
export function handleKeyOf(handle: string): string {
  return foldCase(handle, "NFKC");
}
