/** A stranger's ZIP, read entry by entry: sizes are judged before anything is inflated, names before they mean anything. */
import type { Readable } from "node:stream";
import { type Entry, open, type ZipFile } from "yauzl";
import { ApiError } from "../http/problems.ts";

export interface ZipLimits {
  readonly maxEntries: number;
  /** All entries together, inflated. */
  readonly maxBytes: number;
}

export interface ZipEntry {
  readonly path: string;
  readonly bytes: number;
}

const MAX_PATH_CHARS = 400;

export class ZipReader {
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(zip: ZipFile, entries: ReadonlyMap<string, Entry>) {
    this.#zip = zip;
    this.#entries = entries;
  }

  /** Reads the directory of a ZIP file. Throws ApiError bad_import, too_large. */
  static async open(file: string, limits: ZipLimits): Promise<ZipReader> {
    const zip = await openZip(file);
    try {
      return new ZipReader(zip, await directoryOf(zip, limits));
    } catch (error) {
      zip.close();
      throw error;
    }
  }

  entries(): readonly ZipEntry[] {
    return [...this.#entries].map(([path, entry]) => ({ path, bytes: entry.uncompressedSize }));
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** Its bytes; more than the directory says are an error. Throws ApiError bad_import. */
  async *read(path: string): AsyncIterable<Buffer> {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw new ApiError("bad_import", { detail: `${path} is missing` });
    try {
      for await (const chunk of await streamOf(this.#zip, entry)) yield chunk as Buffer;
    } catch (error) {
      throw new ApiError("bad_import", { detail: "an entry cannot be read", cause: error });
    }
  }

  close(): void {
    this.#zip.close();
  }
}

function openZip(file: string): Promise<ZipFile> {
  const options = { lazyEntries: true, autoClose: false, strictFileNames: true, validateEntrySizes: true } as const;
  return new Promise((resolve, reject) => {
    open(file, options, (error, zip) => {
      if (error === null) resolve(zip);
      else reject(new ApiError("bad_import", { detail: "it is no ZIP", cause: error }));
    });
  });
}

/** yauzl itself refuses absolute paths, "..", and backslashes. */
function directoryOf(zip: ZipFile, limits: ZipLimits): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  let bytes = 0;
  return new Promise((resolve, reject) => {
    zip.on("error", (error: Error) =>
      reject(new ApiError("bad_import", { detail: "its directory is broken", cause: error })),
    );
    zip.on("end", () => resolve(entries));
    zip.on("entry", (entry: Entry) => {
      bytes += entry.uncompressedSize;
      if (entries.size >= limits.maxEntries || bytes > limits.maxBytes) return reject(new ApiError("too_large"));
      const isOdd = entry.fileName.length > MAX_PATH_CHARS || entries.has(entry.fileName) || entry.isEncrypted();
      if (isOdd)
        return reject(new ApiError("bad_import", { detail: "an entry is twice there, locked, or oddly named" }));
      entries.set(entry.fileName, entry);
      zip.readEntry();
    });
    zip.readEntry();
  });
}

function streamOf(zip: ZipFile, entry: Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)));
  });
}
