/** Files of rooms, and small pictures of people and rooms. */
import type { Avatars } from "../memories/avatars.ts";
import { byteRangeOf } from "../memories/byte-range.ts";
import { contentDisposition } from "../memories/file-name.ts";
import { type Memories, typeToServe } from "../memories/memories.ts";
import { memoryOf, previewIdOf } from "../memories/memory-record.ts";
import type { StoredRecord } from "../store/records.ts";
import { personOf } from "./caller.ts";
import { ULID } from "./fields.ts";
import { AddFileDto, Bytes, Done, FileInfo, GalleryPage, ListGalleryDto, PictureInfo } from "./files.dto.ts";
import type { IncomingFile } from "./incoming-file.ts";
import { ApiError } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { type Answer, type ApiRoute, type Call, route } from "./route.ts";

export interface FileServices {
  readonly door: RoomDoor;
  readonly memories: Memories;
  readonly avatars: Avatars;
}

const DEFAULT_PAGE = 30;
const tag = "memories";
const DONE: Answer = { body: { done: true } };

/** A file of strangers is shown in a sandbox without scripts, and is never taken for another type. */
const UNTRUSTED = {
  "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
  "x-content-type-options": "nosniff",
} as const;

export function fileRoutes(services: FileServices): readonly ApiRoute[] {
  return [...galleryRoutes(services), ...contentRoutes(services), ...pictureRoutes(services)];
}

function galleryRoutes({ door, memories }: FileServices): readonly ApiRoute[] {
  return [
    route<undefined, AddFileDto>({
      method: "POST",
      path: "/v1/rooms/:slug/files",
      summary:
        "Put a file into the room's gallery. Pictures are written anew, without the place where they were taken; videos and documents are kept as they came, with what they tell of places (`cleaned` says which).",
      tag,
      auth: "person",
      query: AddFileDto,
      takesFile: true,
      answers: { status: 201, schema: FileInfo },
      problems: [
        "unknown_room",
        "not_member",
        "storage_full",
        "too_many",
        "bad_picture",
        "picture_format",
        "rate_limited",
        "busy",
      ],
      handle: async (call) => {
        const { room, user } = await door.enter(call);
        const about = { caption: call.query.caption, declaredBytes: declaredBytesOf(call) };
        return { body: await memories.add(room.id, user, fileOf(call), about) };
      },
    }),
    route<undefined, ListGalleryDto>({
      method: "GET",
      path: "/v1/rooms/:slug/gallery",
      summary: "The room's files, newest first.",
      tag,
      auth: "person",
      query: ListGalleryDto,
      answers: { status: 200, schema: GalleryPage },
      problems: ["unknown_room", "not_member"],
      handle: async (call) => {
        const { room } = await door.enter(call);
        const { before, limit = DEFAULT_PAGE } = call.query;
        return { body: await memories.list(room.id, { limit, ...(before === undefined ? {} : { before }) }) };
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/files/:fileId",
      summary: "Remove a file for good: who brought it, and moderators.",
      tag,
      auth: "person",
      answers: { status: 200, schema: Done },
      problems: ["unknown_file", "not_allowed"],
      handle: async (call) => {
        const { record, inside } = await knownFile({ door, memories }, call);
        await door.assertMakerOrModerator(inside, memoryOf(record).uploaderId);
        await memories.remove(record, inside.user.id);
        return DONE;
      },
    }),
  ];
}

function contentRoutes(services: FileServices): readonly ApiRoute[] {
  const { memories } = services;
  const bytes = { status: 200, schema: Bytes, type: "application/octet-stream" } as const;
  return [
    route({
      method: "GET",
      path: "/v1/files/:fileId",
      summary:
        "The bytes of a file, or those of a Range. Not to be shown in a page of one's own without looking at its type.",
      tag,
      auth: "person",
      answers: bytes,
      problems: ["unknown_file", "range_not_satisfiable"],
      handle: async (call) => {
        const { record } = await knownFile(services, call);
        return await serve(memories, call, record);
      },
    }),
    route({
      method: "GET",
      path: "/v1/files/:fileId/preview",
      summary: "A small picture of a picture.",
      tag,
      auth: "person",
      answers: { ...bytes, type: "image/webp" },
      problems: ["unknown_file"],
      handle: async (call) => {
        const { record } = await knownFile(services, call);
        const { previewBytes } = memoryOf(record);
        if (previewBytes === undefined) throw new ApiError("unknown_file", { detail: "this file has no preview" });
        const headers = { ...UNTRUSTED, "content-type": "image/webp", "cache-control": "private, no-cache" };
        const etag = `"${record.id}-p"`;
        if (call.header("if-none-match") === etag) return { status: 304, body: null, headers: { etag } };
        const body = await memories.open(previewIdOf(record.id));
        return { body, headers: { ...headers, etag, "content-length": String(previewBytes) } };
      },
    }),
  ];
}

/** Whoever has the id of such a picture may see it: lists of people would otherwise ask for a token a face. */
function pictureRoutes({ avatars }: FileServices): readonly ApiRoute[] {
  return [
    route({
      method: "POST",
      path: "/v1/pictures",
      summary:
        "A picture for a profile or a room, cut to a square; its id goes into PATCH /v1/me or PATCH /v1/rooms/:slug.",
      tag,
      auth: "user",
      takesFile: true,
      answers: { status: 201, schema: PictureInfo },
      problems: ["bad_picture", "too_many", "busy"],
      handle: async (call) => ({ body: { pictureId: await avatars.add(personOf(call).user, fileOf(call)) } }),
    }),
    route({
      method: "GET",
      path: "/v1/pictures/:pictureId",
      summary: "A square picture, 256 pixels wide.",
      tag,
      auth: "none",
      answers: { status: 200, schema: Bytes, type: "image/webp" },
      problems: ["unknown_file", "store_unavailable"],
      handle: async (call) => {
        const { stream, bytes } = await avatars.open(idOf(call, "pictureId"));
        const headers = { ...UNTRUSTED, "content-type": "image/webp", "content-length": String(bytes) };
        return { body: stream, headers: { ...headers, "cache-control": "public, max-age=31536000, immutable" } };
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/pictures/:pictureId",
      summary: "Remove a picture that one has made.",
      tag,
      auth: "user",
      answers: { status: 200, schema: Done },
      problems: ["unknown_file", "not_allowed"],
      handle: async (call) => {
        await avatars.remove(personOf(call).user, idOf(call, "pictureId"));
        return DONE;
      },
    }),
  ];
}

async function knownFile({ door, memories }: Pick<FileServices, "door" | "memories">, call: Call<unknown, unknown>) {
  const record = await memories.get(idOf(call, "fileId"));
  const inside = await door.enterById(record.owner, personOf(call).user, "unknown_file");
  return { record, inside };
}

async function serve(memories: Memories, call: Call<unknown, unknown>, record: StoredRecord): Promise<Answer> {
  const { bytes, sha256, name, inline } = memoryOf(record);
  const etag = `"${sha256.slice(0, 32)}"`;
  // Rights may change, so a copy is asked for again before it is shown; that costs no bytes.
  const about = { etag, "cache-control": "private, no-cache", "accept-ranges": "bytes" };
  if (call.header("if-none-match") === etag) return { status: 304, body: null, headers: about };
  const ifRange = call.header("if-range");
  const range = byteRangeOf(ifRange === undefined || ifRange === etag ? call.header("range") : undefined, bytes);
  if (range.kind === "unsatisfiable") throw new ApiError("range_not_satisfiable", { detail: `it has ${bytes} bytes` });
  const headers = {
    ...UNTRUSTED,
    ...about,
    "content-type": typeToServe(record),
    "content-disposition": contentDisposition(inline ? "inline" : "attachment", name),
  };
  if (range.kind === "whole")
    return { body: await memories.open(record.id), headers: { ...headers, "content-length": String(bytes) } };
  const { start, end } = range;
  return {
    status: 206,
    body: await memories.open(record.id, { start, end }),
    headers: {
      ...headers,
      "content-range": `bytes ${start}-${end}/${bytes}`,
      "content-length": String(end - start + 1),
    },
  };
}

/** Ids of strangers do not come near a store unless they look like ours. */
function idOf(call: Call<unknown, unknown>, name: string): string {
  const id = call.params[name] ?? "";
  if (!ULID.test(id)) throw new ApiError("unknown_file");
  return id;
}

function fileOf(call: Call<unknown, unknown>): IncomingFile {
  if (call.file === undefined) throw new ApiError("unsupported_media_type");
  return call.file;
}

function declaredBytesOf(call: Call<unknown, unknown>): number | undefined {
  const length = Number(call.header("content-length"));
  return Number.isSafeInteger(length) && length > 0 ? length : undefined;
}
