/** What is wrong with `write` of a spec that names a database, beyond what its schema tells. */
import { parseTableName, tableText } from "../../job/connection.js";
import type { WrittenInput } from "../../job/input.js";
import type { WrittenOutput } from "../../job/output.js";
import { badTableName, type Problem, wrong, wrongKey } from "../../job/spec-problem.js";
import type { PostgresWrite } from "./postgres-write.js";

/** Keys of `write` that go with a database. */
interface PostgresKeys extends WrittenOutput {
  readonly table?: string;
  readonly key?: string | readonly string[];
  readonly create?: boolean;
  readonly on_missing?: PostgresWrite["onMissing"];
  readonly quarantine?: { readonly table?: string; readonly directory?: string };
  readonly timestamps?: PostgresWrite["timestamps"] & string;
  readonly layout?: PostgresWrite["layout"];
}

/** The schema of specs has checked their types. */
export function keysIn(written: WrittenOutput): PostgresKeys {
  return written;
}

/** A mistake for each key that is missing, unused or misnamed. */
export function* writeMistakes(written: WrittenOutput, input: WrittenInput): Iterable<Problem> {
  const { to, mode, table, key, create, on_missing, quarantine, layout } = keysIn(written);
  if (table === undefined)
    yield wrong(
      ["write"],
      "spec.incomplete",
      "`to` is a database: `table` is required",
      "add `table: schema.name`",
    );
  if (isBadName(table)) yield badTableName(["write", "table"], table);
  if (isBadName(quarantine?.table)) yield badTableName(["write", "quarantine", "table"], quarantine.table);
  if (mode === "upsert" && key === undefined && input.key === undefined)
    yield wrong(
      ["write", "mode"],
      "spec.upsert-without-key",
      "`upsert` replaces rows by key, and there is no key",
      "add `key:` here, or `input.key`",
    );
  if (on_missing !== undefined && mode !== "upsert")
    yield wrongKey(
      ["write", "on_missing"],
      "spec.unused-key",
      "`on_missing` means nothing without `mode: upsert`",
      "remove it",
    );
  if (key !== undefined && mode !== "upsert" && create !== true)
    yield wrongKey(
      ["write", "key"],
      "spec.unused-key",
      "`key` means nothing without `mode: upsert` or `create: true`",
      "remove it",
    );
  const exploded = Object.entries(layout ?? {}).filter(([, how]) => how === "explode");
  for (const [column] of exploded.slice(1))
    yield wrong(
      ["write", "layout", column],
      "spec.two-exploded",
      "only one column can become a row for each element",
      "choose `jsonb` or `array` for the others",
    );
  if (input.from === to && typeof input.table === "string" && sameTable(input.table, table ?? ""))
    yield wrong(
      ["write", "table"],
      "spec.output-in-input",
      "the next run would read this output as its input",
      "write to another table",
    );
}

function isBadName(name: string | undefined): name is string {
  return name !== undefined && parseTableName(name) === null;
}

function sameTable(a: string, b: string): boolean {
  const [first, second] = [parseTableName(a), parseTableName(b)];
  return first !== null && second !== null && tableText(first) === tableText(second);
}
