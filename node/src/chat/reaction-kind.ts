/** What one may react with: one emoji that fonts draw as one. Pure. */

// RGI: the emoji that fonts are expected to draw (UTS #51). Node 20 knows flag v, the compiler's target does not yet.
const UNICODE_SETS: string = "v";
const EMOJI = new RegExp("^\\p{RGI_Emoji}$", UNICODE_SETS);
const VARIATION_SELECTORS = /[\ufe0e\ufe0f]/g;
const TEXT_BY_DEFAULT =
  /(?!\p{Emoji_Presentation}|\p{Regional_Indicator})(\p{Extended_Pictographic}|[0-9#*](?=\u20e3))(?!\p{Emoji_Modifier})/gu;
const MAX_UNITS = 40;

/** The same emoji with or without variation selectors is one kind; undefined for anything else. */
export function reactionKindOf(text: string): string | undefined {
  if (text.length === 0 || text.length > MAX_UNITS) return undefined;
  const kind = text.replace(VARIATION_SELECTORS, "").replace(TEXT_BY_DEFAULT, "$1\ufe0f");
  return EMOJI.test(kind) ? kind : undefined;
}
