/**
 * Words of the job language that this version does not carry out. They are refused like unknown ones, but honestly:
 * whoever wrote them did not misspell anything.
 */
import type { SpecPath } from "./problem.js";

const local = "this version reads and writes local Parquet files";

/** By section of the spec, then by key: what to do instead. */
const later: { readonly [section: string]: { readonly [key: string]: string } } = {
  "": {
    schedule: "start `nightshift run` from cron or a systemd timer",
    events: "start `nightshift run` from what sees the events",
    connections: `remove it: ${local}`,
  },
  input: { table: local, query: local, params: local },
  write: { table: local, key: "remove it: `append` and `replace` need no key", on_missing: "remove it" },
  intervals: { lookback: "run the earlier interval again with `--at … --reprocess`" },
};

/** What to do instead of a key that a later version will know, or `null` for a key that none knows. */
export function insteadOfLaterKey(parent: SpecPath, key: string): string | null {
  const section = later[String(parent[0] ?? "")];
  return section !== undefined && Object.hasOwn(section, key) ? (section[key] ?? null) : null;
}

/** The same for values. */
export function insteadOfLaterValue(path: SpecPath, value: unknown): string | null {
  const isUpsert = path[0] === "write" && path[1] === "mode" && value === "upsert";
  return isUpsert ? "use `append`, where scoring an interval again replaces its rows, or `replace`" : null;
}
