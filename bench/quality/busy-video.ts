/** A camera's picture that takes the bits it may have: blocks of noise that move, as a Y4M file. Browsers' own test picture takes few. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FRAMES = 40;
const FRAMES_PER_SECOND = 20;
const BLOCK = 24;
/** Of the blocks, one in so many is another with each picture: about 1.5 Mbit/s of VP8 at 960x540. */
const RENEWED = 40;

export function writeBusyVideo({ width, height }: { readonly width: number; readonly height: number }): {
  readonly path: string;
  remove(): void;
} {
  const folder = mkdtempSync(join(tmpdir(), "hearsay-video-"));
  const path = join(folder, "busy.y4m");
  const file = openSync(path, "w");
  let state = 0x9e3779b9;
  const noise = (): number => {
    // xorshift32, Marsaglia 2003.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 24;
  };
  const columns = Math.ceil((width + FRAMES * 3) / BLOCK) + 1;
  const rows = Math.ceil(height / BLOCK);
  const blocks = Uint8Array.from({ length: columns * rows }, () => 64 + noise() / 2);
  writeSync(file, `YUV4MPEG2 W${width} H${height} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420\n`);
  const luma = Buffer.alloc(width * height);
  const chroma = Buffer.alloc((width * height) / 2, 128);
  for (let frame = 0; frame < FRAMES; frame++) {
    for (let i = 0; i < blocks.length; i++) if (noise() < 256 / RENEWED) blocks[i] = 64 + noise() / 2;
    for (let y = 0; y < height; y++) {
      const row = Math.floor(y / BLOCK) * columns;
      for (let x = 0; x < width; x++) luma[y * width + x] = blocks[row + Math.floor((x + frame * 3) / BLOCK)] ?? 0;
    }
    writeSync(file, "FRAME\n");
    writeSync(file, luma);
    writeSync(file, chroma);
  }
  closeSync(file);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
