/**
 * The dependency descriptor header extension (RTP Payload Format For AV1, version 1.0, appendix A): of which layer a frame
 * is, and for which decode targets it is needed. What a keyframe tells of the templates is remembered for the frames after.
 *
 *   |S|E| template id (6) |     frame number (16)     |
 *   |T|A|D|F|C|  structure, active targets, own DTIs ...     if longer than three bytes
 */
import { BitReader } from "./bit-reader.ts";

const MAX_TEMPLATES = 64;
const MAX_TARGETS = 32;
const MAX_LAYERS = 8;
/** What a frame is to a decode target (A.8.3.4). */
const NOT_PRESENT = 0;
const SWITCH = 2;

const SAME_LAYER = 0;
const NEXT_TEMPORAL = 1;
const NEXT_SPATIAL = 2;

/** Of one stream, from its last keyframe. */
class Structure {
  offset = 0;
  targets = 0;
  templates = 0;
  readonly spatialIds = new Uint8Array(MAX_TEMPLATES);
  readonly temporalIds = new Uint8Array(MAX_TEMPLATES);
  /** By template, then by target. */
  readonly indications = new Uint8Array(MAX_TEMPLATES * MAX_TARGETS);
  readonly targetSpatialIds = new Int8Array(MAX_TARGETS);
  readonly targetTemporalIds = new Int8Array(MAX_TARGETS);
}

const scratch = new BitReader();

export class DependencyDescriptor {
  startsFrame = false;
  endsFrame = false;
  frameNumber = 0;
  /** Where the mask of active decode targets begins, in bits from the descriptor's start; 0: it carries none. */
  activeBitAt = 0;
  /** The mask, the first target in the lowest bit, and how many bits it has. */
  active = 0;
  activeBits = 0;
  spatialId = 0;
  temporalId = 0;
  /** This packet carries the templates: its frame is a keyframe's first. */
  hasStructure = false;
  /** By spatial layer, 0: not told. Kept from the last structure. */
  readonly widths = new Uint16Array(MAX_LAYERS);
  readonly heights = new Uint16Array(MAX_LAYERS);
  #structure: Structure | undefined;
  readonly #indications = new Uint8Array(MAX_TARGETS);

  /** False: malformed, or of templates that are not known (yet); nothing was learnt. */
  read(bytes: Uint8Array, start: number, length: number): boolean {
    this.hasStructure = false;
    this.activeBitAt = 0;
    if (length < 3) return false;
    const bits = scratch.open(bytes, start, length);
    const startsFrame = bits.bit() === 1;
    const endsFrame = bits.bit() === 1;
    const templateId = bits.bits(6);
    const frameNumber = bits.bits(16);
    let structure = this.#structure;
    let ownIndications = false;
    if (length > 3) {
      const hasStructure = bits.bit() === 1;
      const hasActive = bits.bit() === 1;
      ownIndications = bits.bit() === 1;
      bits.bits(2);
      if (hasStructure) structure = this.#readStructure(bits);
      if (structure !== undefined && hasActive) this.#readActive(bits, structure, start);
      this.hasStructure = hasStructure && structure !== undefined;
    }
    if (structure === undefined || bits.overrun) return this.#refuse();
    const template = (templateId + MAX_TEMPLATES - structure.offset) % MAX_TEMPLATES;
    if (template >= structure.templates) return this.#refuse();
    for (let i = 0; i < structure.targets; i++) {
      this.#indications[i] = ownIndications
        ? bits.bits(2)
        : (structure.indications[template * MAX_TARGETS + i] as number);
    }
    if (bits.overrun) return this.#refuse();
    this.#structure = structure;
    this.startsFrame = startsFrame;
    this.endsFrame = endsFrame;
    this.frameNumber = frameNumber;
    this.spatialId = structure.spatialIds[template] as number;
    this.temporalId = structure.temporalIds[template] as number;
    return true;
  }

  /** Largest ids among the templates. */
  get maxSpatialId(): number {
    return maximum(this.#structure?.spatialIds, this.#structure?.templates ?? 0);
  }

  get maxTemporalId(): number {
    return maximum(this.#structure?.temporalIds, this.#structure?.templates ?? 0);
  }

  /** Is the frame needed by who watches up to these layers? */
  isNeeded(spatialId: number, temporalId: number): boolean {
    const target = this.#targetOf(spatialId, temporalId);
    if (target < 0) return this.spatialId <= spatialId && this.temporalId <= temporalId;
    return this.#indications[target] !== NOT_PRESENT;
  }

  /** Can who watched less go up to these layers with this frame? */
  isSwitch(spatialId: number, temporalId: number): boolean {
    const target = this.#targetOf(spatialId, temporalId);
    return target >= 0 && this.#indications[target] === SWITCH;
  }

  /** The mask without the targets that need more than these layers. */
  activeWithin(spatialId: number, temporalId: number): number {
    const structure = this.#structure;
    let mask = 0;
    for (let i = this.activeBits - 1; i >= 0; i--) {
      const above =
        structure === undefined ||
        (structure.targetSpatialIds[i] as number) > spatialId ||
        (structure.targetTemporalIds[i] as number) > temporalId;
      mask = mask * 2 + (above ? 0 : Math.floor(this.active / 2 ** i) % 2);
    }
    return mask;
  }

  #readActive(bits: BitReader, structure: Structure, start: number): void {
    this.activeBitAt = bits.position - start * 8;
    this.activeBits = structure.targets;
    this.active = 0;
    for (let i = 0; i < structure.targets; i++) this.active = this.active * 2 + bits.bit();
  }

  #refuse(): false {
    this.hasStructure = false;
    this.activeBitAt = 0;
    return false;
  }

  /** The largest decode target within those layers, -1: none. */
  #targetOf(spatialId: number, temporalId: number): number {
    const structure = this.#structure;
    if (structure === undefined) return -1;
    let best = -1;
    let rank = -1;
    for (let i = 0; i < structure.targets; i++) {
      const [spatial, temporal] = [structure.targetSpatialIds[i] as number, structure.targetTemporalIds[i] as number];
      if (spatial > spatialId || temporal > temporalId || spatial < 0) continue;
      if (spatial * MAX_LAYERS + temporal <= rank) continue;
      rank = spatial * MAX_LAYERS + temporal;
      best = i;
    }
    return best;
  }

  #readStructure(bits: BitReader): Structure | undefined {
    const structure = new Structure();
    structure.offset = bits.bits(6);
    structure.targets = bits.bits(5) + 1;
    const maxSpatial = readTemplateLayers(bits, structure);
    if (maxSpatial < 0) return undefined;
    for (let template = 0; template < structure.templates; template++) {
      for (let i = 0; i < structure.targets; i++) structure.indications[template * MAX_TARGETS + i] = bits.bits(2);
    }
    skipFrameDifferences(bits, structure.templates);
    skipChains(bits, structure);
    noteTargetLayers(structure);
    if (bits.bit() === 1) this.#readResolutions(bits, maxSpatial);
    return bits.overrun ? undefined : structure;
  }

  #readResolutions(bits: BitReader, maxSpatial: number): void {
    for (let i = 0; i <= maxSpatial; i++) {
      const [width, height] = [bits.bits(16) + 1, bits.bits(16) + 1];
      if (bits.overrun) return;
      this.widths[i] = width;
      this.heights[i] = height;
    }
  }
}

/** Returns the largest spatial id, -1: more templates or layers than there can be. */
function readTemplateLayers(bits: BitReader, structure: Structure): number {
  let [spatialId, temporalId] = [0, 0];
  for (let next = SAME_LAYER; next <= NEXT_SPATIAL; next = bits.bits(2)) {
    if (next === NEXT_TEMPORAL) temporalId++;
    if (next === NEXT_SPATIAL) {
      spatialId++;
      temporalId = 0;
    }
    const full = structure.templates === MAX_TEMPLATES || spatialId >= MAX_LAYERS || temporalId >= MAX_LAYERS;
    if (full || bits.overrun) return -1;
    structure.spatialIds[structure.templates] = spatialId;
    structure.temporalIds[structure.templates] = temporalId;
    structure.templates++;
  }
  return spatialId;
}

function skipFrameDifferences(bits: BitReader, templates: number): void {
  for (let template = 0; template < templates; template++) {
    while (bits.bit() === 1 && !bits.overrun) bits.bits(4);
  }
}

function skipChains(bits: BitReader, structure: Structure): void {
  const chains = bits.nonSymmetric(structure.targets + 1);
  if (chains === 0) return;
  for (let i = 0; i < structure.targets; i++) bits.nonSymmetric(chains);
  for (let i = 0; i < structure.templates * chains && !bits.overrun; i++) bits.bits(4);
}

/** A target's layers are the largest of the templates that it needs. */
function noteTargetLayers(structure: Structure): void {
  structure.targetSpatialIds.fill(-1);
  structure.targetTemporalIds.fill(-1);
  for (let template = 0; template < structure.templates; template++) {
    for (let i = 0; i < structure.targets; i++) {
      if (structure.indications[template * MAX_TARGETS + i] === NOT_PRESENT) continue;
      const { targetSpatialIds, targetTemporalIds, spatialIds, temporalIds } = structure;
      targetSpatialIds[i] = Math.max(targetSpatialIds[i] as number, spatialIds[template] as number);
      targetTemporalIds[i] = Math.max(targetTemporalIds[i] as number, temporalIds[template] as number);
    }
  }
}

function maximum(ids: Uint8Array | undefined, count: number): number {
  let largest = 0;
  for (let i = 0; i < count; i++) largest = Math.max(largest, ids?.[i] ?? 0);
  return largest;
}
