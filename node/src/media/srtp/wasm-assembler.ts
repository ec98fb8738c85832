/**
 * Just enough of the WebAssembly binary format to write our kernel by hand: integers, sections and the instructions it
 * uses (WebAssembly core specification 2.0, section 5, with fixed-width SIMD).
 */

export type Code = readonly number[];

export const I32 = 0x7f;
export const V128 = 0x7b;

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const out: number[] = [];
  let rest = value >>> 0;
  do {
    const byte = rest & 0x7f;
    rest >>>= 7;
    out.push(rest === 0 ? byte : byte | 0x80);
  } while (rest !== 0);
  return out;
}

/** Signed LEB128 of a 32-bit integer. */
export function signed(value: number): number[] {
  const out: number[] = [];
  let rest = value | 0;
  for (;;) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) {
      out.push(byte);
      return out;
    }
    out.push(byte | 0x80);
  }
}

/** A vector of bytes: its length, then itself. */
export function sized(body: Code): number[] {
  return [...unsigned(body.length), ...body];
}

export function section(id: number, body: Code): number[] {
  return [id, ...sized(body)];
}

/** A growing function body. `add` takes whole instructions. */
export class Body {
  readonly code: number[] = [];

  add(...instructions: readonly Code[]): this {
    for (const instruction of instructions) for (const byte of instruction) this.code.push(byte);
    return this;
  }

  /** The body as the code section wants it; `locals` are [count, type] runs behind the parameters. */
  finish(locals: readonly (readonly [count: number, type: number])[]): number[] {
    const declared = [...unsigned(locals.length), ...locals.flatMap(([count, type]) => [...unsigned(count), type])];
    return sized([...declared, ...this.code, 0x0b]);
  }
}

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number): Code => [0x21, ...unsigned(local)];
export const tee = (local: number): Code => [0x22, ...unsigned(local)];
export const call = (index: number): Code => [0x10, ...unsigned(index)];
export const constant = (value: number): Code => [0x41, ...signed(value)];

export const BLOCK: Code = [0x02, 0x40];
export const LOOP: Code = [0x03, 0x40];
export const END: Code = [0x0b];
export const branchIf = (depth: number): Code => [0x0d, ...unsigned(depth)];

export const EQZ: Code = [0x45];
export const ADD: Code = [0x6a];
export const SUB: Code = [0x6b];
export const AND: Code = [0x71];
export const OR: Code = [0x72];
export const SHL: Code = [0x74];
export const SHR_U: Code = [0x76];
export const ROTL: Code = [0x77];

// Memory operands: alignment 0 (bytes may lie anywhere), then a constant offset.
export const load32 = (offset = 0): Code => [0x28, 0, ...unsigned(offset)];
export const store32 = (offset = 0): Code => [0x36, 0, ...unsigned(offset)];
export const store8 = (offset = 0): Code => [0x3a, 0, ...unsigned(offset)];
export const loadVector = (offset = 0): Code => [0xfd, 0x00, 0, ...unsigned(offset)];
export const storeVector = (offset = 0): Code => [0xfd, 0x0b, 0, ...unsigned(offset)];

const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)];
export const VECTOR_OR = simd(80);
export const VECTOR_XOR = simd(81);
/** (a, b, mask): bits of a where mask is 1, of b elsewhere. */
export const VECTOR_SELECT = simd(82);
export const LANES_SHL = simd(0xab);
export const LANES_SHR_U = simd(0xad);
export const LANES_ADD = simd(0xae);
export const extractLane = (lane: number): Code => [0xfd, 0x1b, lane];
/** Picks 16 of the 32 bytes of two vectors. */
export const shuffle = (bytes: Code): Code => [0xfd, 0x0d, ...bytes];

/** A vector of four equal 32-bit lanes. */
export function lanesConstant(value: number): Code {
  return vectorConstant([value, value, value, value]);
}

export function vectorConstant(lanes: readonly number[]): Code {
  const bytes = lanes.flatMap((lane) => [lane & 255, (lane >>> 8) & 255, (lane >>> 16) & 255, (lane >>> 24) & 255]);
  return [0xfd, 0x0c, ...bytes];
}

/** Reverses the bytes of the 32-bit value on the stack; `scratch` is a local. */
export function swapBytes(scratch: number): Code {
  return [
    ...set(scratch),
    ...get(scratch),
    ...constant(8),
    ...ROTL,
    ...constant(0x00ff00ff),
    ...AND,
    ...get(scratch),
    ...constant(24),
    ...ROTL,
    ...constant(0xff00ff00 | 0),
    ...AND,
    ...OR,
  ];
}
