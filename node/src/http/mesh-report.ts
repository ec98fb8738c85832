/**
 * The mesh as this node knows it, for people: members, distances, and what each node says of its own load and trunks. Others
 * are asked over the mesh and left out when they do not answer soon.
 */
import type { MeshNode, MeshResponse, MeshRtt, MeshTrunk, NodeInfo } from "#protocol";
import type { MediaPlane, TrunkStats } from "../media/control.ts";
import type { Clock } from "../mesh/clock.ts";
import type { MeshNode as Member, Mesh } from "../mesh/mesh.ts";
import type { RoomService } from "../room/room-service.ts";

export const TOPIC_REPORT = "mesh.report";
const ASK_MS = 1_000;
/** A page that asks every second must not ask all nodes every second for every reader. */
const KEEP_MS = 1_000;
/** Pairs grow with the square of the nodes; beyond this only the own row is told. */
const MAX_MATRIX_NODES = 64;

/** What a node says of itself. */
interface Report {
  readonly rooms: number;
  readonly people: number;
  /** Mean score of its people; older nodes do not say. */
  readonly quality?: number;
  readonly trunks: readonly MeshTrunk[];
}

export interface MeshReportOptions {
  readonly mesh: Mesh;
  readonly rooms: RoomService;
  readonly media: MediaPlane;
  readonly clock: Clock;
  /** Which node a trunk leads to, and how it is. */
  readonly trunkOf: (trunkId: string) => { readonly peer: string; readonly state: MeshTrunk["state"] } | undefined;
}

export class MeshReporter {
  readonly #options: MeshReportOptions;
  #kept: { readonly atMs: number; readonly report: Promise<MeshResponse> } | undefined;

  constructor(options: MeshReportOptions) {
    this.#options = options;
  }

  /** Answers other nodes; the result stops it. */
  start(): () => void {
    return this.#options.mesh.handle(TOPIC_REPORT, () => this.#own());
  }

  report(): Promise<MeshResponse> {
    const nowMs = this.#options.clock.nowMs();
    if (this.#kept === undefined || nowMs - this.#kept.atMs >= KEEP_MS)
      this.#kept = { atMs: nowMs, report: this.#gather() };
    return this.#kept.report;
  }

  async #gather(): Promise<MeshResponse> {
    const { mesh } = this.#options;
    const members = mesh.nodes();
    const reports = await Promise.all(
      members.map((member) => (member.name === mesh.self.name ? this.#own() : this.#ask(member.name))),
    );
    return {
      self: mesh.self.name,
      nodes: members.map((member, index) => nodeOf(member, reports[index])),
      rtts: this.#rtts(members),
      trunks: reports.flatMap((report) => report?.trunks ?? []),
    };
  }

  async #own(): Promise<Report> {
    const { rooms, media, mesh, trunkOf } = this.#options;
    const served = rooms.snapshot().filter((room) => room.local > 0);
    const stats = await media.stats().catch(() => undefined);
    const trunks = (stats?.trunks ?? []).flatMap((trunk) => {
      const known = trunkOf(trunk.trunkId);
      return known === undefined ? [] : [trunkInfo(mesh.self.name, known, trunk)];
    });
    const quality = rooms.meanQuality();
    const people = served.reduce((sum, room) => sum + room.local, 0);
    return { rooms: served.length, people, trunks, ...(quality === undefined ? {} : { quality }) };
  }

  async #ask(node: string): Promise<Report | undefined> {
    try {
      const body = await this.#options.mesh.request(node, TOPIC_REPORT, {}, { timeoutMs: ASK_MS });
      return isReport(body) ? body : undefined;
    } catch {
      return undefined; // It is slow, old or gone: the page shows it without figures.
    }
  }

  #rtts(members: readonly Member[]): readonly MeshRtt[] {
    const { mesh } = this.#options;
    const rows = members.length > MAX_MATRIX_NODES ? [mesh.self] : members;
    return rows.flatMap((from) =>
      members.flatMap((to): MeshRtt[] => {
        if (from.name === to.name) return [];
        const rtt = mesh.rttMs(from.name, to.name);
        return rtt === undefined ? [] : [{ from: from.name, to: to.name, rttMs: rtt.ms, measured: rtt.measured }];
      }),
    );
  }
}

export const nodeInfoOf = (node: Member): NodeInfo => ({
  name: node.name,
  url: node.url,
  region: node.region,
  draining: node.draining,
});

function nodeOf(member: Member, report: Report | undefined): MeshNode {
  const load = report === undefined ? {} : { rooms: report.rooms, people: report.people };
  const quality = typeof report?.quality === "number" ? { quality: report.quality } : {};
  return { ...nodeInfoOf(member), status: "alive", version: member.version, ...load, ...quality };
}

function trunkInfo(
  from: string,
  known: { readonly peer: string; readonly state: MeshTrunk["state"] },
  trunk: TrunkStats,
): MeshTrunk {
  const { trunkId: _, ...figures } = trunk;
  return { from, to: known.peer, state: known.state, ...figures };
}

/** From a node of this mesh, perhaps of another version: its shape is looked at, its figures are believed. */
function isReport(body: unknown): body is Report {
  if (typeof body !== "object" || body === null) return false;
  const { rooms, people, trunks } = body as Partial<Record<keyof Report, unknown>>;
  return typeof rooms === "number" && typeof people === "number" && Array.isArray(trunks);
}
