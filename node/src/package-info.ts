/** Where the package lies and which version it is, from source as from dist. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface PackageInfo {
  readonly root: string;
  readonly version: string;
}

/** Walks up to the nearest package.json. Throws when there is none: then the installation is broken. */
export function packageInfo(from: string = import.meta.dirname): PackageInfo {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (existsSync(path)) {
      const { version } = JSON.parse(readFileSync(path, "utf8")) as { readonly version?: unknown };
      return { root: folder, version: typeof version === "string" ? version : "0.0.0" };
    }
    if (dirname(folder) === folder) throw new Error(`no package.json above ${from}`);
  }
}
