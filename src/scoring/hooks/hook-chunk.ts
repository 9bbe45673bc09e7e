/** The chunk that an author's hook receives, based on an Arrow batch. */

import { type Data, type RecordBatch, Vector } from "apache-arrow";
import { columnOf } from "../../data/arrow/columns.js";
import type { Column } from "../../data/column.js";
import type { HookValues, HookValueType, PostChunk } from "../../hooks/hook.js";
import type { HookRole } from "../../job/plan.js";
import { didYouMean } from "../../mapping/did-you-mean.js";
import { columnData } from "./column-data.js";
import { misused } from "./misused.js";
import { numbersIn, textsIn } from "./read-column.js";

export interface ChunkOptions {
  readonly role: HookRole;
  /** Columns of the batch that the hook may read. */
  readonly readable: readonly string[];
  /** All names that an added column must not have. */
  readonly taken: readonly string[];
  /** Types of the columns that the hook adds, if they are known already. */
  readonly planned: readonly Column[] | null;
}

/** The changes that a hook made to its chunk. */
export interface HookedChunk {
  readonly batch: RecordBatch;
  readonly added: ReadonlyMap<string, Data>;
  /** One byte for each row, 0 for rows to drop; `null` if all rows stay. */
  readonly mask: Uint8Array | null;
}

const states = new WeakMap<object, HookedChunk>();

/** Returns the unchanged chunk for a hook. */
export function hookChunk(batch: RecordBatch, options: ChunkOptions): PostChunk {
  return chunkWith({ batch, added: new Map(), mask: null }, options);
}

/** Returns the changes to a chunk of this batch, or `null` if the hook returned anything else. */
export function hookedChunk(returned: unknown, batch: RecordBatch): HookedChunk | null {
  const state = typeof returned === "object" && returned !== null ? states.get(returned) : undefined;
  return state?.batch === batch ? state : null;
}

function chunkWith(state: HookedChunk, options: ChunkOptions): PostChunk {
  const { batch, added } = state;
  const columns = [...options.readable, ...added.keys()];
  const chunk: PostChunk = {
    rows: batch.numRows,
    columns,
    has: (name) => columns.includes(name),
    numbers: (name) => numbersIn(read(name), name),
    texts: (name) => textsIn(read(name), name),
    vector: (name) => new Vector([read(name)]),
    add(name, values, type) {
      const data = newColumn(name, values, type);
      return chunkWith({ ...state, added: new Map([...added, [name, data]]) }, options);
    },
    keep: (rows) => chunkWith({ ...state, mask: maskOf(rows, state, options.role) }, options),
  };
  states.set(chunk, state);
  return chunk;

  function read(name: string): Data {
    const data = added.get(name) ?? (options.readable.includes(name) ? columnOf(batch, name) : undefined);
    if (data !== undefined) return data;
    throw misused(`the chunk has no column "${name}"`, didYouMean(name, columns, "columns"));
  }

  function newColumn(name: string, values: HookValues, type: HookValueType | undefined): Data {
    if (typeof name !== "string" || name === "") throw misused("a column needs a name", "give one to `add`");
    if (added.has(name) || options.taken.includes(name))
      throw misused(`there is a column "${name}" already`, "give the one that is added another name");
    const planned = options.planned?.find((column) => column.name === name)?.type ?? null;
    return columnData(name, values, { rows: batch.numRows, wanted: type ?? null, planned });
  }
}

function maskOf(
  rows: readonly boolean[] | Uint8Array,
  { batch, mask }: HookedChunk,
  role: HookRole,
): Uint8Array {
  if (role !== "post-hook")
    throw misused("only a `post` hook may drop rows", "drop them in `post:`, where they are counted");
  if (rows?.length !== batch.numRows)
    throw misused(
      `\`keep\` was given ${rows?.length ?? "no"} values for ${batch.numRows} rows`,
      "give one for each row",
    );
  return Uint8Array.from({ length: batch.numRows }, (_, row) => (rows[row] && mask?.[row] !== 0 ? 1 : 0));
}
