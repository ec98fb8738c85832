import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { MAX_PIXELS, Pictures } from "./pictures.ts";
import { sniff } from "./sniff.ts";

const GPS = { IFD0: { Make: "Camera" }, IFD3: { GPSLatitudeRef: "N", GPSLatitude: "52/1 22/1 0/1" } };

/** 60 × 20 pixels, left half red, lying on its side (orientation 6), with a place in it. */
async function photo(): Promise<Buffer> {
  const red = await sharp({ create: { width: 30, height: 20, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  return await sharp({ create: { width: 60, height: 20, channels: 3, background: "blue" } })
    .composite([{ input: red, left: 0, top: 0 }])
    .withExif(GPS)
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 100 })
    .toBuffer();
}

describe("pictures", () => {
  const pictures = new Pictures();

  test("[M5] a photo comes out upright, without place and camera, with a small one beside it", async () => {
    const bytes = await photo();
    expect((await sharp(bytes).metadata()).exif).toBeDefined();
    const { full, preview } = await pictures.renew(bytes, sniff(bytes));
    expect([full.type, full.width, full.height]).toEqual(["image/jpeg", 20, 60]);
    for (const picture of [full, preview]) {
      const { exif, xmp, iptc, orientation } = await sharp(picture.bytes).metadata();
      expect([exif, xmp, iptc, orientation]).toEqual([undefined, undefined, undefined, undefined]);
      expect(picture.bytes.includes("Camera")).toBe(false);
    }
    const top = await sharp(full.bytes).extract({ left: 5, top: 5, width: 4, height: 4 }).raw().toBuffer();
    expect([top[0]! > 200, top[2]! < 60]).toEqual([true, true]);
  });

  test("[M5] large pictures get a small preview, squares are square", async () => {
    const large = await sharp({ create: { width: 2000, height: 1000, channels: 3, background: "green" } })
      .png()
      .toBuffer();
    const { preview } = await pictures.renew(large, sniff(large));
    expect([preview.width, preview.height, preview.type]).toEqual([480, 240, "image/webp"]);
    const square = await pictures.square(large);
    expect([square.width, square.height]).toEqual([256, 256]);
  });

  test("[M6] a picture that would take all memory once it is decoded is refused by its header", async () => {
    const side = 9_000;
    const bomb = await sharp({
      create: { width: side, height: side, channels: 3, background: "black" },
      limitInputPixels: false,
    })
      .png({ compressionLevel: 9 })
      .toBuffer();
    expect(bomb.length).toBeLessThan(2_000_000);
    expect(side * side).toBeGreaterThan(MAX_PIXELS);
    await expect(pictures.renew(bomb, sniff(bomb))).rejects.toMatchObject({ code: "bad_picture" });
    await expect(pictures.square(bomb)).rejects.toMatchObject({ code: "bad_picture" });
  });

  test("[M6] broken pictures and what only pretends to be one are refused", async () => {
    const whole = await photo();
    const head = Buffer.concat([whole.subarray(0, 200), Buffer.alloc(500, 1)]);
    for (const bytes of [head, whole.subarray(0, 300), Buffer.from("\x89PNG\r\n\x1a\n and then nothing", "latin1")])
      await expect(pictures.renew(bytes, sniff(bytes))).rejects.toMatchObject({ code: "bad_picture" });
  });

  test("[M7] more pictures than can be worked on wait, and far too many are told so", async () => {
    const bytes = await photo();
    const outcomes = await Promise.allSettled(Array.from({ length: 24 }, () => pictures.square(bytes)));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(6);
    for (const outcome of refused) expect(outcome.reason).toMatchObject({ code: "busy" });
    await expect(pictures.square(bytes)).resolves.toMatchObject({ width: 256 });
  });
});
