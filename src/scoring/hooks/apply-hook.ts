/** Calls a hook on one chunk and assembles its result according to the plan. */

import { type Schema as ArrowSchema, type Data, makeData, RecordBatch, Struct } from "apache-arrow";
import { takeRows } from "../../data/arrow/take-rows.js";
import { arrowSchema, columnType } from "../../data/arrow-types.js";
import { type Column, type Schema, typeName } from "../../data/column.js";
import { type NightshiftError, SpecError } from "../../errors.js";
import type { HookContext, LoadedHook } from "../../hooks/hook.js";
import type { HookRole } from "../../job/plan.js";
import { hookChunk, hookedChunk } from "./hook-chunk.js";

export interface HookCall {
  readonly role: HookRole;
  readonly hook: LoadedHook;
  readonly context: HookContext;
  /** Columns of the batch that the hook may read. */
  readonly readable: readonly string[];
  /** All names that an added column must not have. */
  readonly taken: readonly string[];
  /** Columns that it adds; `null` while that is being determined. */
  readonly adds: Schema | null;
}

export interface HookResult {
  /** The batch's columns, then the added ones, in the plan's order; without the dropped rows. */
  readonly batch: RecordBatch;
  readonly adds: Schema;
  /** Number of dropped rows. */
  readonly filtered: number;
}

/** @throws SpecError `hook.failed`, `hook.misused`, `hook.no-chunk`, `hook.changed-columns` */
export async function applyHook(call: HookCall, batch: RecordBatch): Promise<HookResult> {
  const { role, hook, context, readable, taken, adds: planned } = call;
  const returned = await hook.call(hookChunk(batch, { role, readable, taken, planned }), context);
  const hooked = hookedChunk(returned, batch);
  if (hooked === null) throw noChunk(hook, returned);
  const adds = [...hooked.added].map(([name, data]) => addedColumn(name, data));
  const columns = planned ?? adds;
  requireSame(hook, adds, columns);
  const whole = withColumns(
    batch,
    columns,
    columns.flatMap(({ name }) => hooked.added.get(name) ?? []),
  );
  const filtered = hooked.mask?.reduce((dropped, kept) => dropped + (kept === 0 ? 1 : 0), 0) ?? 0;
  return { batch: filtered === 0 ? whole : keepRows(whole, hooked.mask), adds, filtered };
}

function addedColumn(name: string, data: Data): Column {
  return { name, type: columnType(data.type), nullable: true };
}

function withColumns(batch: RecordBatch, columns: Schema, added: readonly Data[]): RecordBatch {
  if (columns.length === 0) return batch;
  const schema: ArrowSchema = batch.schema.assign(arrowSchema(columns));
  return recordBatch(schema, [...batch.data.children, ...added], batch.numRows);
}

/** Columns of a scored chunk have no dictionaries, so each keeps its type. */
function keepRows(batch: RecordBatch, mask: Uint8Array | null): RecordBatch {
  const rows = Int32Array.from({ length: batch.numRows }, (_, row) => row).filter((row) => mask?.[row] !== 0);
  const children = batch.data.children.map((data) => takeRows(data, rows, data.type));
  return recordBatch(batch.schema, children, rows.length);
}

export function recordBatch(schema: ArrowSchema, children: Data[], rows: number): RecordBatch {
  return new RecordBatch(
    schema,
    makeData({ type: new Struct(schema.fields), length: rows, nullCount: 0, children }),
  );
}

/** Checks that every chunk adds the same columns, since a run's output has one schema. */
function requireSame(hook: LoadedHook, adds: Schema, planned: Schema): void {
  const problem = difference(adds, planned);
  if (problem === null) return;
  throw new SpecError("hook.changed-columns", `${hook.path}: ${problem}`, {
    hint: "add the same columns, of the same types, to every chunk; say a type with `add(name, values, type)`",
    details: hook.details,
  });
}

function difference(adds: Schema, planned: Schema): string | null {
  for (const { name, type } of planned) {
    const added = adds.find((column) => column.name === name);
    if (added === undefined)
      return `the hook adds no column "${name}" to this chunk, and it did to the first rows`;
    if (typeName(added.type) !== typeName(type))
      return `column "${name}" is ${typeName(added.type)} in this chunk, and was ${typeName(type)} in the first rows`;
  }
  const more = adds.find(({ name }) => !planned.some((column) => column.name === name));
  return more === undefined
    ? null
    : `the hook adds column "${more.name}" to this chunk, and didn't to the first rows`;
}

function noChunk(hook: LoadedHook, returned: unknown): NightshiftError {
  return new SpecError("hook.no-chunk", `${hook.path}: the hook returned ${described(returned)}`, {
    hint: "return the chunk that it was given, or what `add` and `keep` return",
    details: hook.details,
  });
}

function described(returned: unknown): string {
  if (returned === undefined) return "nothing";
  if (returned === null) return "null";
  return typeof returned === "object" ? "an object that is not its chunk" : `a ${typeof returned}`;
}
