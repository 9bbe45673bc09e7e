/** Files that ship with the package, found from wherever it is installed. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Absolute path of something in the package: `packagedPath("schema/job.v1.json")`. */
export function packagedPath(relative: string): string {
  return fileURLToPath(new URL(`../../${relative}`, import.meta.url));
}

export function packageVersion(): string {
  return String(manifest().version ?? "unknown");
}

/** Address where users report bugs, from the package's manifest; `null` if it names none. */
export function bugsUrl(): string | null {
  const { bugs } = manifest();
  return typeof bugs === "string" ? bugs : null;
}

function manifest(): { readonly [key: string]: unknown } {
  return JSON.parse(readFileSync(packagedPath("package.json"), "utf8"));
}
