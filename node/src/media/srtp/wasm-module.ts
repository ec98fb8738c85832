/**
 * The packet kernel as a WebAssembly module, emitted when the process starts: no native code to install, no tool to build.
 *
 * build(): header template and payload xor keystream to a slot, then roll-over counter and SHA-1 padding behind them, so
 * that the packet can be hashed where it lies. Returns the number of 64-byte blocks.
 */
import {
  ADD,
  AND,
  BLOCK,
  Body,
  branchIf,
  constant,
  END,
  EQZ,
  get,
  I32,
  LANES_ADD,
  LOOP,
  load32,
  loadVector,
  SHL,
  SHR_U,
  SUB,
  section,
  set,
  sized,
  store8,
  store32,
  storeVector,
  swapBytes,
  tee,
  unsigned,
  V128,
  VECTOR_XOR,
  vectorConstant,
} from "./wasm-assembler.ts";
import { COUNTER_BASE, JOB, JOB_BUILD } from "./wasm-layout.ts";
import { hmacBody, sha1Body } from "./wasm-sha1.ts";

const PAGE_BYTES = 65_536;

export interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  sha1(p0: number, p1: number, p2: number, p3: number, blocks: number): void;
  hmac(blocks: number): void;
  build(): number;
  /** Destination, two sources, count of 16-byte pieces (may be 0). */
  xor(destination: number, a: number, b: number, pieces: number): void;
  /** Writes `blocks` (1 to 255) counter blocks from COUNTER_BASE on to `destination`. */
  counters(destination: number, blocks: number): void;
}

// The compiler's library for Node has no WebAssembly; this is the part that we use.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
  validate(bytes: Uint8Array): boolean;
};

/** The kernel over fresh memory of that size, or undefined where this machine has no WebAssembly SIMD. */
export function instantiateKernel(memoryBytes: number): KernelExports | undefined {
  const bytes = emitModule(Math.ceil(memoryBytes / PAGE_BYTES));
  if (!WebAssembly.validate(bytes)) return undefined;
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as KernelExports;
}

/** Memory is of a fixed size, because growing would detach every view of it; the system gives pages when they are touched. */
function emitModule(pages: number): Uint8Array {
  const signature = (parameters: number, results: number): number[] => [
    0x60,
    ...sized(new Array<number>(parameters).fill(I32)),
    ...sized(new Array<number>(results).fill(I32)),
  ];
  const types = [signature(5, 0), signature(1, 0), signature(0, 1), signature(4, 0), signature(2, 0)];
  const functions = [
    { name: "sha1", body: sha1Body() },
    { name: "hmac", body: hmacBody(0) },
    { name: "build", body: buildBody() },
    { name: "xor", body: xorBody() },
    { name: "counters", body: countersBody() },
  ];
  const named = (name: string, kind: number, index: number): number[] => [
    ...sized([...name].map((letter) => letter.charCodeAt(0))),
    kind,
    ...unsigned(index),
  ];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [...unsigned(types.length), ...types.flat()]),
    ...section(3, sized(functions.map((_, index) => index))),
    ...section(5, [1, 0x01, ...unsigned(pages), ...unsigned(pages)]),
    ...section(7, [
      ...unsigned(functions.length + 1),
      ...named("memory", 2, 0),
      ...functions.flatMap(({ name }, index) => named(name, 0, index)),
    ]),
    ...section(10, [...unsigned(functions.length), ...functions.flatMap(({ body }) => body)]),
  ]);
}

function buildBody(): number[] {
  const body = new Body();
  const [destination, source, keystream, pieces, end, total, blocks, scratch] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
  const argument = (index: number) => [...constant(JOB), ...load32((JOB_BUILD + index) * 4)];
  body.add(argument(0), set(destination), argument(1), set(source));
  for (let i = 0; i < 64; i += 16) body.add(get(destination), get(source), loadVector(i), storeVector(i));
  // total: header and payload; end: behind them.
  body.add(argument(2), argument(5), ADD, set(total), get(destination), get(total), ADD, set(end));
  body.add(argument(3), set(source), argument(4), set(keystream));
  body.add(argument(5), constant(15), ADD, constant(4), SHR_U, set(pieces));
  body.add(get(destination), argument(2), ADD, set(scratch));
  xorLoop(body, { destination: scratch, a: source, b: keystream, pieces });
  // Whatever the last piece overran, and the padding, in one sweep.
  for (let i = 0; i < 80; i += 16) body.add(get(end), vectorConstant([0, 0, 0, 0]), storeVector(i));
  body.add(get(end), argument(6), swapBytes(scratch), store32(0), get(end), constant(0x80), store8(4));
  body.add(get(total), constant(4 + 9 + 63), ADD, constant(6), SHR_U, set(blocks));
  // Bits hashed: the padded key block, the packet and the counter.
  body.add(get(destination), get(blocks), constant(6), SHL, ADD);
  body.add(get(total), constant(4 + 64), ADD, constant(3), SHL, swapBytes(scratch), store32Before());
  body.add(get(blocks));
  return body.finish([[8, I32]]);
}

/** Stores the value on the stack 4 bytes before the address below it: a store's constant offset cannot be negative. */
function store32Before(): number[] {
  const [value, address] = [1, 2] as const;
  return [...set(value), ...constant(4), ...SUB, ...tee(address), ...get(value), ...store32(0)];
}

function xorBody(): number[] {
  const body = new Body();
  xorLoop(body, { destination: 0, a: 1, b: 2, pieces: 3 });
  return body.finish([]);
}

/** destination[i] = a[i] xor b[i] for `pieces` times 16 bytes, two a turn; advances its locals. */
function xorLoop(
  body: Body,
  { destination, a, b, pieces }: { destination: number; a: number; b: number; pieces: number },
): void {
  const one = (offset: number) =>
    body.add(get(destination), get(a), loadVector(offset), get(b), loadVector(offset), VECTOR_XOR, storeVector(offset));
  const advance = (bytes: number) => {
    for (const local of [destination, a, b]) body.add(get(local), constant(bytes), ADD, set(local));
  };
  body.add(BLOCK, get(pieces), constant(1), AND, EQZ, branchIf(0));
  one(0);
  advance(16);
  body.add(END, get(pieces), constant(1), SHR_U, set(pieces));
  body.add(BLOCK, get(pieces), EQZ, branchIf(0), LOOP);
  one(0);
  one(16);
  advance(32);
  body.add(get(pieces), constant(1), SUB, tee(pieces), branchIf(0), END, END);
}

function countersBody(): number[] {
  const body = new Body();
  const block = 2;
  body.add(constant(COUNTER_BASE), loadVector(0), set(block), LOOP);
  body.add(get(0), get(block), storeVector(0));
  // The count is the last byte of a block, the top byte of its last little-endian word.
  body.add(get(block), vectorConstant([0, 0, 0, 1 << 24]), LANES_ADD, set(block));
  body.add(get(0), constant(16), ADD, set(0), get(1), constant(1), SUB, tee(1), branchIf(0), END);
  return body.finish([[1, V128]]);
}
