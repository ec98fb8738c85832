/**
 * What a node says of itself in its gossip tags, and reading the tags of others, among them stock Serf agents and nodes
 * of other versions: what is strange is ignored or replaced by its default, never believed beyond its bound.
 * Rules: SPEC.md [H1…H8].
 */
import type { MeshNode } from "./mesh.ts";

export type Tags = Readonly<Record<string, string>>;

/** Tag `hearsay`: version of the direct messages that the node speaks. */
export const DIRECT_VERSION = "1";
/** memberlist's MetaMaxSize: all tags together, encoded. */
export const MAX_TAG_BYTES = 512;
const MAX_MEDIA_ADDRESSES = 8;
const MAX_URL = 200;
const MAX_LABEL = 64;
const MAX_CAPACITY = 1_000;
/** Tags that this file writes; anything else of the operator's is kept as it is. */
const OWN_TAGS = ["role", "hearsay", "ver", "http", "media", "region", "cap", "draining", "fwd"] as const;

export class TagError extends Error {
  override readonly name = "TagError";
  readonly code = "tags_too_large";
}

/**
 * The tags of this node over the operator's own ones. Media addresses that do not fit are left out from the end.
 * @throws TagError when even one media address does not fit into MAX_TAG_BYTES
 */
export function encodeTags(node: MeshNode, extra: Tags = {}): Tags {
  const others = Object.entries(extra).filter(([name]) => !(OWN_TAGS as readonly string[]).includes(name));
  for (let count = Math.min(node.media.length, MAX_MEDIA_ADDRESSES); count >= 0; count -= 1) {
    const tags = { ...Object.fromEntries(others), ...ownTags(node, count) };
    if (tagBytes(tags) <= MAX_TAG_BYTES && (count > 0 || node.media.length === 0)) return tags;
  }
  throw new TagError(
    `the tags of ${node.name} need more than ${MAX_TAG_BYTES} bytes; shorten region, URL or extra tags`,
  );
}

/** Undefined when the member does not speak our direct messages: a stock agent, or a node of another time. */
export function decodeTags(name: string, tags: Tags): MeshNode | undefined {
  if (tags["hearsay"] !== DIRECT_VERSION) return undefined;
  return {
    name,
    url: urlOf(tags["http"]),
    region: labelOf(tags["region"]),
    draining: tags["draining"] === "1",
    media: addressesOf(tags["media"]),
    version: labelOf(tags["ver"]),
    capacity: capacityOf(tags["cap"]),
    ...(tags["fwd"] === "1" ? { forwards: true } : {}),
  };
}

/** As serf encodes tags: one magic byte, then a msgpack map of text to text, at most 5 bytes of header a text. */
export function tagBytes(tags: Tags): number {
  const text = (value: string): number => {
    const bytes = Buffer.byteLength(value);
    return bytes + (bytes < 32 ? 1 : bytes < 65_536 ? 3 : 5);
  };
  return Object.entries(tags).reduce((sum, [name, value]) => sum + text(name) + text(value), 4);
}

function ownTags(node: MeshNode, mediaCount: number): Tags {
  return {
    role: "hearsay",
    hearsay: DIRECT_VERSION,
    ver: node.version,
    http: node.url,
    media: node.media.slice(0, mediaCount).join(","),
    region: node.region,
    cap: String(node.capacity),
    ...(node.draining ? { draining: "1" } : {}),
    ...(node.forwards === true ? { fwd: "1" } : {}),
  };
}

/** Only what a browser could open: another scheme in a page of ours would be a script of a stranger. */
function urlOf(value: string | undefined): string {
  if (value === undefined || value.length > MAX_URL || !URL.canParse(value)) return "";
  const { protocol } = new URL(value);
  return protocol === "http:" || protocol === "https:" ? value : "";
}

function labelOf(value: string | undefined): string {
  // Control characters would break logs and terminals.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the point.
  return (value ?? "").replace(/[\u0000-\u001f\u007f]/gu, "").slice(0, MAX_LABEL);
}

function addressesOf(value: string | undefined): readonly string[] {
  return (value ?? "").split(",").slice(0, MAX_MEDIA_ADDRESSES).filter(isAddress);
}

/** "host:port", IPv6 in brackets. */
function isAddress(address: string): boolean {
  const match = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9.-]{1,64}):([0-9]{1,5})$/.exec(address);
  const port = Number(match?.[1] ?? 0);
  return port >= 1 && port <= 65_535;
}

function capacityOf(value: string | undefined): number {
  const capacity = Number(value ?? "");
  return value !== undefined && value !== "" && capacity > 0 && capacity <= MAX_CAPACITY ? capacity : 1;
}
