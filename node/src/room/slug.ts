// The name of a room in its address: what a maker may pick, when two names are one, and when two look alike.
// Pure; the rules are [T50…T57] of store/SPEC.md.

import { foldCase } from "../store/case-fold.ts";
import { replaceFoldedLookAlikes, replaceWrittenLookAlikes } from "./confusables.ts";

export type SlugProblem =
  | "empty"
  /** More than 64 graphemes (what a reader counts as characters). */
  | "too_long"
  /** Something else than letters, digits, "-", "_" and emoji; or an invisible letter; or more than 3 marks on one letter. */
  | "bad_character"
  | "only_digits"
  /** A word that addresses of the service itself use, or something that looks like one. */
  | "reserved";

export type ParsedSlug =
  | {
      readonly ok: true;
      /** As written, NFC, with emoji in their full form. Shown to people. */
      readonly slug: string;
      /** Equal for two spellings of one room: case-folded, emoji without variation selectors. */
      readonly key: string;
      /** Equal for names that look alike. Equal keys may have different skeletons (a capital I may pass for l). */
      readonly skeleton: string;
    }
  | { readonly ok: false; readonly reason: SlugProblem };

export const MAX_SLUG_GRAPHEMES = 64;

/** The longest emoji take 15 UTF-16 units; whatever is longer than this is not worth cutting into graphemes. */
const MAX_SLUG_UNITS = MAX_SLUG_GRAPHEMES * 16;

const RESERVED: readonly string[] = [
  ...["about", "account", "admin", "administrator", "api", "app", "assets", "auth", "call", "calls", "dashboard"],
  ...["docs", "download", "favicon", "files", "guest", "guests", "health", "hearsay", "help", "home", "index"],
  ...["invite", "invites", "join", "leave", "legal", "livez", "lobby", "locales", "login", "logout", "manifest", "me"],
  ...["mesh", "messages", "metrics", "new", "node", "nodes", "null", "openapi", "operator", "password", "privacy"],
  ...["public", "readyz", "register", "robots", "root", "room", "rooms", "search", "security", "service-worker"],
  ...["session", "sessions", "settings", "signin", "signup", "socket", "static", "status", "support", "sw", "system"],
  ...["terms", "undefined", "user", "users", "v1", "v2", "well-known", "www"],
];

// A letter may carry up to three marks and be joined to further letters in one grapheme (Hangul, Indic conjuncts).
const LETTERS = /^(?:\p{L}\p{M}{0,3})+$/u;
const DIGIT = /^\p{Nd}$/u;
const PUNCTUATION = /^[-_]$/;
// Letters that draw nothing, as the Hangul fillers; also joiners and variation selectors outside emoji.
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/u;
// RGI: the emoji that fonts are expected to draw (UTS #51). Node 20 knows flag v, the compiler's target does not yet.
const UNICODE_SETS: string = "v";
const EMOJI = new RegExp("^\\p{RGI_Emoji}$", UNICODE_SETS);
const VARIATION_SELECTORS = /[\ufe0e\ufe0f]/g;
const SKIN_TONES = /\p{Emoji_Modifier}/gu;
// Shown as text by default, so its full form has a variation selector behind it, unless a skin tone follows.
const TEXT_BY_DEFAULT =
  /(?!\p{Emoji_Presentation}|\p{Regional_Indicator})(\p{Extended_Pictographic}|[0-9#*](?=\u20e3))(?!\p{Emoji_Modifier})/gu;

const SEGMENTER = new Intl.Segmenter("und", { granularity: "grapheme" });

/** Checks a name that somebody wants to give (or to find). Never throws; equal input gives equal output on every machine. */
export function parseSlug(text: string): ParsedSlug {
  if (text.length === 0) return { ok: false, reason: "empty" };
  if (text.length > MAX_SLUG_UNITS) return { ok: false, reason: "too_long" };

  const graphemes: string[] = [];
  for (const { segment } of SEGMENTER.segment(text.normalize("NFC"))) {
    if (graphemes.length === MAX_SLUG_GRAPHEMES) return { ok: false, reason: "too_long" };
    const grapheme = canonicalGrapheme(segment);
    if (grapheme === undefined) return { ok: false, reason: "bad_character" };
    graphemes.push(grapheme);
  }
  if (graphemes.every((grapheme) => DIGIT.test(grapheme))) return { ok: false, reason: "only_digits" };

  const slug = graphemes.join("");
  const key = keyOf(slug);
  const skeleton = skeletonOf(slug);
  if (RESERVED_KEYS.has(key) || RESERVED_SKELETONS.has(skeleton)) return { ok: false, reason: "reserved" };
  return { ok: true, slug, key, skeleton };
}

function canonicalGrapheme(grapheme: string): string | undefined {
  if (PUNCTUATION.test(grapheme) || DIGIT.test(grapheme)) return grapheme;
  if (LETTERS.test(grapheme)) return INVISIBLE.test(grapheme) ? undefined : grapheme;
  const full = grapheme.replace(VARIATION_SELECTORS, "").replace(TEXT_BY_DEFAULT, "$1\ufe0f");
  return EMOJI.test(full) ? full : undefined;
}

function keyOf(slug: string): string {
  return foldCase(slug.replace(VARIATION_SELECTORS, ""), "NFC");
}

function skeletonOf(slug: string): string {
  const plain = slug.replace(VARIATION_SELECTORS, "").replace(SKIN_TONES, "").normalize("NFKC");
  return replaceFoldedLookAlikes(foldCase(replaceWrittenLookAlikes(plain), "NFKC")).normalize("NFKC");
}

const RESERVED_KEYS: ReadonlySet<string> = new Set(RESERVED);
const RESERVED_SKELETONS: ReadonlySet<string> = new Set(RESERVED.map(skeletonOf));
