/** The mesh as clients and operators may see it. */
import type { Mesh } from "../mesh/mesh.ts";
import * as answers from "./answers.dto.ts";
import { type MeshReporter, nodeInfoOf } from "./mesh-report.ts";
import { type ApiRoute, route } from "./route.ts";

export function meshRoutes(services: {
  readonly mesh: () => Mesh;
  readonly reporter: () => MeshReporter;
}): readonly ApiRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/nodes",
      summary: "The alive nodes, the asked one first.",
      tag: "mesh",
      auth: "none",
      answers: { status: 200, schema: answers.NodesResponse },
      problems: [],
      handle: async () => {
        const mesh = services.mesh();
        return { body: { self: mesh.self.name, nodes: mesh.nodes().map(nodeInfoOf) } };
      },
    }),
    route({
      method: "GET",
      path: "/v1/mesh",
      summary: "Members, round trips, trunks and load.",
      tag: "mesh",
      auth: "operator",
      answers: { status: 200, schema: answers.MeshResponse },
      problems: [],
      handle: async () => ({ body: await services.reporter().report() }),
    }),
  ];
}
