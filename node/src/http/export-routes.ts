/** Taking a room along, bringing it in, and letting it forget. */

import type { Retentions } from "../export/retention.ts";
import { exportRoom, type RoomExportParts } from "../export/room-export.ts";
import { importRoom, type RoomImportParts } from "../export/room-import.ts";
import { contentDisposition, safeFileName } from "../memories/file-name.ts";
import { Bytes } from "./files.dto.ts";
import { Imported, Retention, RetentionDto } from "./import.dto.ts";
import { ApiError } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { type ApiRoute, route } from "./route.ts";

const tag = "integrations";
const known = ["unknown_room", "not_member", "not_allowed"] as const;

export function exportRoutes({
  door,
  retentions,
  parts,
}: {
  readonly door: RoomDoor;
  readonly retentions: Retentions;
  readonly parts: RoomExportParts & RoomImportParts;
}): readonly ApiRoute[] {
  return [
    route({
      ...{ method: "GET", path: "/v1/rooms/:slug/export", tag, auth: "user" },
      summary: "The whole room as a ZIP of JSON and files, for owners and moderators.",
      answers: { status: 200, schema: Bytes, type: "application/zip" },
      problems: known,
      handle: async (call) => {
        const { room } = await door.moderate(call);
        const disposition = contentDisposition("attachment", safeFileName(`${room.slug}.zip`, "zip"));
        const headers = { "content-type": "application/zip", "content-disposition": disposition };
        return { body: await exportRoom(parts, room), headers };
      },
    }),
    route({
      ...{ method: "POST", path: "/v1/rooms/:slug/import", tag, auth: "user", takesFile: true },
      summary: "Bring an exported room into an empty one. Its people are kept by name; nobody here speaks for them.",
      answers: { status: 200, schema: Imported },
      problems: [...known, "bad_import", "changed_meanwhile", "storage_full", "busy"],
      handle: async (call) => {
        const { room, user } = await door.moderate(call);
        if (call.file === undefined) throw new ApiError("unsupported_media_type");
        return { body: await importRoom(parts, { room, user }, call.file) };
      },
    }),
    route({
      ...{ method: "GET", path: "/v1/rooms/:slug/retention", tag, auth: "user" },
      summary: "After how many days the room forgets; nothing: never.",
      answers: { status: 200, schema: Retention },
      problems: ["unknown_room", "not_member"],
      handle: async (call) => ({ body: await retentions.get((await door.enter(call)).room.id) }),
    }),
    route<RetentionDto>({
      ...{ method: "PUT", path: "/v1/rooms/:slug/retention", tag, auth: "user", body: RetentionDto },
      summary: "Let the room forget messages and files after some days. What is forgotten does not come back.",
      answers: { status: 200, schema: Retention },
      problems: [...known, "busy"],
      handle: async (call) => {
        const { room } = await door.moderate(call);
        const { messageDays, fileDays } = call.body;
        return {
          body: await retentions.set(room.id, {
            ...(typeof messageDays === "number" ? { messageDays } : {}),
            ...(typeof fileDays === "number" ? { fileDays } : {}),
          }),
        };
      },
    }),
  ];
}
