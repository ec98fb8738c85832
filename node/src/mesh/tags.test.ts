import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MeshNode } from "./mesh.ts";
import { decodeTags, encodeTags, MAX_TAG_BYTES, tagBytes } from "./tags.ts";

const NODE: MeshNode = {
  ...{
    name: "hcm-1",
    url: "https://hcm.example:8443",
    region: "hcm",
    draining: false,
    version: "1.2.3",
    capacity: 1.5,
  },
  media: ["203.0.113.7:5000", "[2001:db8::7]:5000"],
};

test("[H1] the tags name everything and fit, with media addresses left out from the end", () => {
  expect(encodeTags(NODE)).toEqual({
    ...{ role: "hearsay", hearsay: "1", ver: "1.2.3", http: NODE.url, region: "hcm", cap: "1.5" },
    media: "203.0.113.7:5000,[2001:db8::7]:5000",
  });
  const crowded = { ...NODE, media: Array.from({ length: 8 }, (_, i) => `${"m".repeat(55)}${i}:5000`) };
  const tags = encodeTags(crowded);
  expect(tagBytes(tags)).toBeLessThanOrEqual(MAX_TAG_BYTES);
  expect(tags["media"]?.split(",")).toEqual(crowded.media.slice(0, 6));
});

test("[H1] tags that cannot fit are refused", () => {
  expect(() => encodeTags(NODE, { note: "n".repeat(500) })).toThrow(
    expect.objectContaining({ code: "tags_too_large" }),
  );
});

test("[H2] what a node encodes, another decodes to the same node", () => {
  for (const node of [
    NODE,
    { ...NODE, draining: true },
    { ...NODE, forwards: true },
    { ...NODE, media: [], region: "", capacity: 1 },
  ])
    expect(decodeTags(node.name, encodeTags(node))).toEqual(node);
});

test("[H3] a member without our tag, or of another version of it, is no node", () => {
  expect(decodeTags("serf", { role: "web" })).toBeUndefined();
  expect(decodeTags("later", { ...encodeTags(NODE), hearsay: "2" })).toBeUndefined();
  expect(decodeTags("odd", { ...encodeTags(NODE), hearsay: " 1" })).toBeUndefined();
});

test.each([
  ["a script for a URL", { http: "javascript:alert(1)" }, { url: "" }],
  ["a URL that is none", { http: "://" }, { url: "" }],
  ["an endless URL", { http: `https://${"x".repeat(300)}` }, { url: "" }],
  [
    "strange media addresses",
    { media: "a:1,b,c:0,d:65536,:5,[::1]:9,e f:7,g:8" },
    { media: ["a:1", "[::1]:9", "g:8"] },
  ],
  ["a negative capacity", { cap: "-1" }, { capacity: 1 }],
  ["no number for capacity", { cap: "lots" }, { capacity: 1 }],
  ["boundless capacity", { cap: "Infinity" }, { capacity: 1 }],
  ["control characters", { region: "a\u001b[31mb\n" }, { region: "a[31mb" }],
  ["an endless region", { region: "r".repeat(500) }, { region: "r".repeat(64) }],
  ["a strange flag", { draining: "yes" }, { draining: false }],
])("[H4] %s is not believed", (_, strange, expected) => {
  expect(decodeTags("x", { ...encodeTags(NODE), ...strange })).toMatchObject(expected);
});

// Property: any tags are decoded to a node within its bounds, or to none.
test("[H4] any tags decode without throwing", () => {
  const names = fc.constantFrom("role", "hearsay", "ver", "http", "media", "region", "cap", "draining", "other");
  fc.assert(
    fc.property(fc.dictionary(names, fc.string({ unit: "binary" })), (tags) => {
      const node = decodeTags("x", { hearsay: "1", ...tags });
      if (node === undefined) return expect(tags["hearsay"]).not.toBe("1");
      expect(node.capacity).toBeGreaterThan(0);
      expect(node.media.length).toBeLessThanOrEqual(8);
    }),
    { seed: 8, numRuns: 300 },
  );
});

test("[H5] the operator's own tags are kept and cannot replace ours", () => {
  const tags = encodeTags(NODE, { rack: "7", role: "king", draining: "1" });
  expect(tags).toMatchObject({ rack: "7", role: "hearsay" });
  expect(tags["draining"]).toBeUndefined();
});
