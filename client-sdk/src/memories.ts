/** The files of a room: its gallery. */
import { type Http, queryOf, roomPath, type UploadOptions } from "./http.ts";
import type { FileInfo, GalleryPage } from "./protocol/messages.ts";

export interface AddFileOptions extends UploadOptions {
  readonly caption?: string;
}

export class Memories {
  readonly #http: Http;
  readonly #slug: () => string;

  constructor(http: Http, slug: () => string) {
    this.#http = http;
    this.#slug = slug;
  }

  /** Newest first. */
  list(page: { readonly before?: string; readonly limit?: number } = {}): Promise<GalleryPage> {
    return this.#http.get(roomPath(this.#slug(), `/gallery${queryOf(page)}`));
  }
  /** Pictures lose the place where they were taken. Rejects with "too_large", "storage_full", "closed" (aborted), … */
  add(file: Blob, { caption, ...options }: AddFileOptions = {}): Promise<FileInfo> {
    return this.#http.upload(roomPath(this.#slug(), `/files${queryOf({ caption })}`), file, options);
  }
  /** The bytes; files of strangers: look at the type before showing them. */
  open(fileId: string, signal?: AbortSignal): Promise<Blob> {
    return this.#http.blob(`/v1/files/${fileId}`, signal);
  }
  /** A small picture; only where `hasPreview`. */
  preview(fileId: string, signal?: AbortSignal): Promise<Blob> {
    return this.#http.blob(`/v1/files/${fileId}/preview`, signal);
  }
  async remove(fileId: string): Promise<void> {
    await this.#http.send("DELETE", `/v1/files/${fileId}`);
  }
}
