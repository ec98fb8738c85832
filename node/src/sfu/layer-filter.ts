/**
 * Which packets of a layered stream one viewer gets: temporal layers of VP8, temporal and spatial layers of VP9 and AV1.
 * Down at the next picture, up where the codec says that nothing is missing: a switching-up point or a keyframe.
 */
import type { DependencyDescriptor } from "./dependency-descriptor.ts";
import type { PayloadInfo } from "./keyframe.ts";
import type { RtpRewrite } from "./rtp-rewrite.ts";

export const ALL_LAYERS = 99;

export class LayerFilter {
  /** What the viewer is to get, once the stream allows. */
  targetSpatial = ALL_LAYERS;
  targetTemporal = ALL_LAYERS;
  /** What the viewer gets. */
  spatial = ALL_LAYERS;
  temporal = ALL_LAYERS;

  /** Until the next start only the lowest temporal layer: the way to another layer is short. */
  #squeezed = false;

  /** A source begins, with a keyframe: everything is possible. */
  start(): void {
    this.#squeezed = false;
    this.spatial = this.targetSpatial;
    this.temporal = this.targetTemporal;
  }

  /** Another track is shown: nothing is limited yet. */
  reset(): void {
    this.targetSpatial = ALL_LAYERS;
    this.targetTemporal = ALL_LAYERS;
    this.start();
  }

  squeeze(): void {
    this.#squeezed = true;
  }

  get isOpen(): boolean {
    return this.spatial === ALL_LAYERS && this.temporal === ALL_LAYERS;
  }

  /** Only a keyframe brings the viewer what it is to get. */
  get needsKeyframe(): boolean {
    return this.targetSpatial > this.spatial;
  }

  /** A packet newer than all before it: layers change at the starts of pictures only. */
  advance(info: PayloadInfo): void {
    if (!info.startsFrame) return;
    if (info.startsKeyframe) {
      this.start();
      return;
    }
    if (this.#squeezed) {
      this.temporal = 0;
      return;
    }
    if (info.spatialId === 0) {
      this.spatial = Math.min(this.spatial, this.targetSpatial);
      this.temporal = Math.min(this.temporal, this.targetTemporal);
    }
    if (info.dependency === undefined) this.#climb(info);
    else this.#climbByTargets(info);
  }

  keeps(info: PayloadInfo): boolean {
    if (info.dependency !== undefined) return info.dependency.isNeeded(this.spatial, this.temporal);
    return info.spatialId <= this.spatial && info.temporalId <= this.temporal;
  }

  /** The last packet of what this viewer gets of a picture: it must bear the marker although the stream goes on. */
  endsPicture(info: PayloadInfo): boolean {
    return info.endsFrame && info.spatialId === this.spatial;
  }

  /** Of the decode targets that the publisher has active, this viewer has those within its layers. */
  narrow(rewrite: RtpRewrite, dependency: DependencyDescriptor): void {
    rewrite.activeBitAt = dependency.activeBitAt;
    rewrite.activeBits = dependency.activeBits;
    rewrite.active = dependency.activeWithin(this.spatial, this.temporal);
  }

  /** One layer at a time: a switching-up point promises only that its own layer was not needed before. */
  #climb(info: PayloadInfo): void {
    const { spatialId, temporalId } = info;
    if (info.switchesTemporal && temporalId === this.temporal + 1 && temporalId <= this.targetTemporal) {
      this.temporal = temporalId;
    }
    if (info.switchesSpatial && spatialId === this.spatial + 1 && spatialId <= this.targetSpatial) {
      this.spatial = spatialId;
    }
  }

  #climbByTargets(info: PayloadInfo): void {
    const { dependency, spatialId, temporalId } = info;
    if (dependency === undefined || (this.spatial >= this.targetSpatial && this.temporal >= this.targetTemporal))
      return;
    if (dependency.isSwitch(this.spatial, this.targetTemporal)) this.temporal = this.targetTemporal;
    const higher = spatialId > this.spatial && spatialId <= this.targetSpatial;
    if (higher && temporalId <= this.targetTemporal && dependency.isSwitch(spatialId, this.targetTemporal)) {
      this.spatial = spatialId;
      this.temporal = this.targetTemporal;
    }
  }
}
