import type { Archive } from "../store/archive.ts";
import { ApiError } from "./problems.ts";

/** A picture that is referred to must be one of POST /v1/pictures. Throws ApiError unknown_file. */
export async function assertPicture(
  archive: Pick<Archive, "records">,
  pictureId: string | null | undefined,
): Promise<void> {
  if (pictureId === undefined || pictureId === null) return;
  const found = await archive.records.get({ kind: "picture", id: pictureId });
  if (found === undefined) throw new ApiError("unknown_file", { detail: "make the picture first" });
}
