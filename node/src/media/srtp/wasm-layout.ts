/** Fixed addresses in the first page of packet memory, where the kernel takes its arguments and keeps its scratch. */

/** SHA-1 state of four lanes: word i of lane l at i * 16 + l * 4. */
export const STATE = 64;
/**
 * Arguments, 32-bit integers: of `hmac` [0..3] message pointers, [4..7] key pointers, [8..11] where the tags go; of
 * `build` [12] destination, [13] header template, [14] header length, [15] payload, [16] keystream, [17] payload length,
 * [18] roll-over counter.
 */
export const JOB = 192;
export const JOB_BUILD = 12;
/** The one block of the outer hash, four times. */
export const MAC_BLOCKS = 320;
/** Counter block from which `counters` counts on. */
export const COUNTER_BASE = 576;
/** Keystream made for one packet only. */
export const SINGLE_KEYSTREAM = 640;
export const SINGLE_KEYSTREAM_BYTES = 2048;
/** Counter blocks of a batch before they are encrypted. */
export const COUNTER_BLOCKS = 4096;
export const COUNTER_BLOCKS_BYTES = 32 * 1024;
export const RESERVED_BYTES = COUNTER_BLOCKS + COUNTER_BLOCKS_BYTES;

/** Within a key's piece: the state after the inner padded key block, then after the outer. */
export const KEY_INNER = 0;
export const KEY_OUTER = 32;
export const KEY_BYTES = 64;

/** Header templates are copied whole. */
export const TEMPLATE_BYTES = 64;
