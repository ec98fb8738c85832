/** The nodes drawn as far apart as their round trips say; trunks are thick lines. The table says the same in numbers. */
import type { MeshResponse } from "../../../client-sdk/src/index.ts";
import { t } from "../state/i18n.ts";
import { layOut, type Point } from "../state/map.ts";

const WIDTH = 420;
const HEIGHT = 300;
const MARGIN = 54;
/** More lines than this only make a knot; the map then shows trunks alone. */
const MAX_LINES = 60;

const place = (point: Point): Point => ({
  x: MARGIN + point.x * (WIDTH - 2 * MARGIN),
  y: MARGIN + point.y * (HEIGHT - 2 * MARGIN),
});

interface Line {
  readonly key: string;
  readonly a: string;
  readonly b: string;
  readonly isTrunk: boolean;
}

function linesOf(mesh: MeshResponse): readonly Line[] {
  const lines = new Map<string, Line>();
  const add = (from: string, to: string, isTrunk: boolean): void => {
    const [a, b] = from < to ? [from, to] : [to, from];
    lines.set(`${a} ${b}`, { key: `${a} ${b}`, a, b, isTrunk });
  };
  if (mesh.rtts.length / 2 <= MAX_LINES) for (const { from, to } of mesh.rtts) add(from, to, false);
  for (const { from, to, state } of mesh.trunks) if (state === "connected") add(from, to, true);
  return [...lines.values()];
}

export function MeshMap({ mesh }: { readonly mesh: MeshResponse }) {
  const points = layOut(
    mesh.nodes.map((node) => node.name),
    mesh.rtts,
  );
  const at = (name: string): Point => place(points.get(name) ?? { x: 0.5, y: 0.5 });
  return (
    <svg class="mesh-map" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t("mesh.map")}>
      {linesOf(mesh).map(({ key, a, b, isTrunk }) => (
        <line key={key} class={isTrunk ? "trunk" : ""} x1={at(a).x} y1={at(a).y} x2={at(b).x} y2={at(b).y} />
      ))}
      {mesh.nodes.map((node) => {
        const { x, y } = at(node.name);
        return (
          <g key={node.name} class={`map-node ${node.status}${node.name === mesh.self ? " self" : ""}`}>
            <circle cx={x} cy={y} r={10 + Math.min(10, (node.people ?? 0) * 1.5)} />
            <text x={x} y={y + 34} text-anchor="middle">
              {node.name}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
