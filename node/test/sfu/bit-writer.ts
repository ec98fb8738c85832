/** Bits, most significant first, for crafted headers. */
export class BitWriter {
  #bits = "";

  bits(value: number, count: number): this {
    this.#bits += value.toString(2).padStart(count, "0").slice(-count);
    return this;
  }

  /** ue(v) of H.264. */
  golomb(value: number): this {
    const code = (value + 1).toString(2);
    this.#bits += "0".repeat(code.length - 1) + code;
    return this;
  }

  bytes(): Buffer {
    const padded = this.#bits.padEnd(Math.ceil(this.#bits.length / 8) * 8, "0");
    return Buffer.from((padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  }
}

const NOT = 0;
const REQUIRED = 3;
const SWITCH = 2;

/**
 * A dependency descriptor with the templates of two spatial layers: template 0: keyframe of S0, 1: of S0, 2: of S1 in a
 * keyframe, 3: of S1. Decode target 0 is both layers, 1 is the lower one.
 */
export function descriptor(
  template: number,
  input: { frameNumber: number; structure?: boolean; sizes?: boolean },
): Buffer {
  const out = new BitWriter().bits(3, 2).bits(template, 6).bits(input.frameNumber, 16);
  if (input.structure !== true) return out.bytes();
  out.bits(0b10000, 5).bits(0, 6).bits(1, 5);
  // Next template: same layer, next spatial, same, end.
  out.bits(0, 2).bits(2, 2).bits(0, 2).bits(3, 2);
  for (const [both, lower] of [
    [SWITCH, SWITCH],
    [REQUIRED, REQUIRED],
    [SWITCH, NOT],
    [REQUIRED, NOT],
  ] as const) {
    out.bits(both, 2).bits(lower, 2);
  }
  // No frame differences, no chains.
  out.bits(0, 4).bits(0, 1);
  if (input.sizes === false) return out.bits(0, 1).bytes();
  return out.bits(1, 1).bits(319, 16).bits(179, 16).bits(639, 16).bits(359, 16).bytes();
}
