/** Files that ship with the package, found from wherever it is installed. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Absolute path of something in the package: `packagedPath("schema/job.v1.json")`. */
export function packagedPath(relative: string): string {
  return fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
}

export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(packagedPath("package.json"), "utf8"));
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : undefined;
  return String(version ?? "unknown");
}
