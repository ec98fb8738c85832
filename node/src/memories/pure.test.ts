import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { byteRangeOf } from "./byte-range.ts";
import { contentDisposition, safeFileName } from "./file-name.ts";
import { sniff } from "./sniff.ts";

const SEED = 20_261_122;
const bytesOf = (latin1: string): Uint8Array => Buffer.from(latin1, "latin1");

test.each([
  ["\xff\xd8\xff\xe0....JFIF", "image/jpeg"],
  ["\x89PNG\r\n\x1a\n....", "image/png"],
  ["RIFF\x10\0\0\0WEBPVP8 ", "image/webp"],
  ["\0\0\0\x1cftypheic\0\0\0\0", "image/heic"],
  ["\0\0\0\x1cftypavif\0\0\0\0", "image/avif"],
  ["\0\0\0\x20ftypisom\0\0\0\0", "video/mp4"],
  ["\0\0\0\x20ftypM4A \0\0\0\0", "audio/mp4"],
  ["OggS\0\x02", "audio/ogg"],
  ["%PDF-1.7\n", "application/pdf"],
  ["PK\x03\x04\x14\0", "application/zip"],
  ["plain words,\r\n\tand more", "text/plain; charset=utf-8"],
  ["<html><script>alert(1)</script>", "application/octet-stream"],
  ["  <svg xmlns='http://www.w3.org/2000/svg'>", "application/octet-stream"],
  ["MZ\x90\0\x03", "application/octet-stream"],
  ["", "application/octet-stream"],
  ["\xff\xd8\0", "application/octet-stream"],
])("[M1] the bytes %j are %s, whatever their sender calls them", (latin1, type) => {
  expect(sniff(bytesOf(latin1)).type).toBe(type);
});

test("[M1] any bytes are of some type, and only what a browser cannot run is shown by it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (head) => {
      const { type, inline } = sniff(head);
      if (inline) expect(type).toMatch(/^(image|audio|video)\/(?!svg)/);
    }),
    { seed: SEED },
  );
});

test.each([
  ["../../etc/passwd", "bin", "passwd.bin"],
  ["..\\..\\boot.ini", "txt", "boot.txt"],
  ["holiday.JPEG", "jpg", "holiday.jpeg"],
  ["evil.exe", "jpg", "evil.jpg"],
  ["report.docx", "zip", "report.docx"],
  ["photo\u202egpj.exe", "png", "photogpj.png"],
  ["con.txt", "txt", "file-con.txt"],
  [".htaccess", "txt", "htaccess.txt"],
  ['a\0b\r\nc"d', "pdf", "abcd.pdf"],
  ["", "png", "file.png"],
  ["...", "png", "file.png"],
  ["бабушка 👵🏽.png", "png", "бабушка 👵🏽.png"],
])("[M2] the name %j of a %s file becomes %j", (raw, extension, name) => {
  expect(safeFileName(raw, extension)).toBe(name);
});

test("[M2] any name becomes one that is no path, is bounded, and stays what it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (raw) => {
      const name = safeFileName(raw, "png");
      expect(name).toMatch(/^[^\p{Cc}\p{Cs}/\\:"<>|?*]{1,250}$/u);
      expect(name).not.toMatch(/^[.\s]/u);
      expect(safeFileName(name, "png")).toBe(name);
    }),
    { seed: SEED },
  );
});

test("[M3] any name goes into a header that says it in ASCII and in full", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 100 }), (raw) => {
      const name = safeFileName(raw, "bin");
      const header = contentDisposition("attachment", name);
      expect(header).toMatch(/^attachment; filename="[\x20-\x7e]+"; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]+$/);
      expect(decodeURIComponent(header.split("''")[1] ?? "")).toBe(name);
    }),
    { seed: SEED },
  );
});

test.each([
  [undefined, 10, { kind: "whole" }],
  ["bytes=0-3", 10, { kind: "part", start: 0, end: 3 }],
  ["bytes=4-", 10, { kind: "part", start: 4, end: 9 }],
  ["bytes=-3", 10, { kind: "part", start: 7, end: 9 }],
  ["bytes=-30", 10, { kind: "part", start: 0, end: 9 }],
  ["bytes=8-99", 10, { kind: "part", start: 8, end: 9 }],
  ["bytes=10-", 10, { kind: "unsatisfiable" }],
  ["bytes=-0", 10, { kind: "unsatisfiable" }],
  ["bytes=0-", 0, { kind: "unsatisfiable" }],
  ["bytes=5-2", 10, { kind: "whole" }],
  ["bytes=0-1,4-5", 10, { kind: "whole" }],
  ["bytes=-", 10, { kind: "whole" }],
  ["rows=1-2", 10, { kind: "whole" }],
  [`bytes=${"9".repeat(40)}-`, 10, { kind: "whole" }],
] as const)("[M4] the range %s of %d bytes", (header, totalBytes, expected) => {
  expect(byteRangeOf(header, totalBytes)).toEqual(expected);
});
