/** The tree as tidy sees it: every source file that the project owns, read once. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";

export interface SourceFile {
  /** Path from the project's root with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const FOLDERS = ["gossip", "node", "client-sdk", "web", "bench", "scripts"];
const SOURCE = /\.(ts|tsx|mjs)$/;
const MAX_FILES = 5_000;

export function readTree(root: string, wanted: RegExp = SOURCE): readonly SourceFile[] {
  const files: SourceFile[] = [];
  const pending = FOLDERS.map((folder) => join(root, folder));
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const name of readdirSync(folder).sort()) {
      if (name === "node_modules" || name === "dist") continue;
      const path = join(folder, name);
      if (statSync(path).isDirectory()) pending.push(path);
      else if (wanted.test(name) && files.length < MAX_FILES)
        files.push({ path: relative(root, path).split(sep).join("/"), text: readFileSync(path, "utf8") });
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export const isTest = (path: string): boolean => /\.test\.tsx?$/.test(path) || /(^|\/)test\//.test(path);
