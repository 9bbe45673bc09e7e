/**
 * Hooks: an author's own functions over whole chunks. `pre` runs before binding and may add columns that features use;
 * `post` runs on the scored chunk and may add columns and drop rows. The first half of this file is what authors
 * program against; the second is how hooks are bundled, pinned and loaded.
 *
 * ```ts
 * import type { PreHook } from "nightshift";
 *
 * export const reads = ["distance"];
 * export default ((chunk) => chunk.add("log_distance", chunk.numbers("distance").map(Math.log1p))) satisfies PreHook;
 * ```
 */
import type { Vector } from "apache-arrow";
import type { JsonValue } from "../errors.js";
import type { Interval } from "../job/job.js";
import type { Asset, HookRole } from "../job/plan.js";

/** Default export of `pre:`. Returns the chunk it was given, with columns added. */
export type PreHook = (chunk: HookChunk, context: HookContext) => HookChunk | Promise<HookChunk>;

/** Default export of `post:`. Returns the chunk it was given, with columns added or rows dropped. */
export type PostHook = (chunk: PostChunk, context: HookContext) => PostChunk | Promise<PostChunk>;

/** About 64k rows, column by column. Nothing in here changes: `add` and `keep` return another chunk. */
export interface HookChunk {
  /** Values in every column. May be 0: an empty input is shown to a hook once, for the columns it adds. */
  readonly rows: number;
  /** Names of the columns that can be read, in order. */
  readonly columns: readonly string[];
  has(column: string): boolean;
  /**
   * A copy of a numeric, boolean, date or timestamp column as doubles: a null is `NaN`, `true` is 1, instants are
   * milliseconds since 1970 UTC. Integers beyond 2^53 lose digits: see `vector`.
   */
  numbers(column: string): Float64Array;
  /** A copy of a text column. */
  texts(column: string): readonly (string | null)[];
  /** Any column as an Arrow vector, with all its digits. Its memory is used again once the hook has returned. */
  vector(column: string): Vector;
  /**
   * A chunk with one more column, which gets a name that no column has. Typed arrays keep their type; arrays become
   * `float64`, `int64` (bigints), `bool` or `string`, and may hold nulls. `type` is needed where the first rows can't
   * tell: with every value null, and to be the same for an empty input.
   */
  add(name: string, values: HookValues, type?: HookValueType): HookChunk;
}

export interface PostChunk extends HookChunk {
  add(name: string, values: HookValues, type?: HookValueType): PostChunk;
  /**
   * A chunk that drops the rows whose value is false or 0; they count as filtered. Its columns stay as long as they
   * were: rows leave when the hook has returned. A second call drops more.
   */
  keep(rows: readonly boolean[] | Uint8Array): PostChunk;
}

export interface HookContext {
  /** Name of the job. */
  readonly job: string;
  /** The data interval of the run; `null` for a job without intervals. */
  readonly interval: Interval | null;
}

/** The values of a column that a hook adds: as many as the chunk has rows. */
export type HookValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | readonly (number | null)[]
  | readonly (bigint | null)[]
  | readonly (string | null)[]
  | readonly (boolean | null)[]
  | Vector;

/** Types that values of a plain array can be asked to have. */
export type HookValueType = "float32" | "float64" | "int32" | "int64" | "bool" | "string";

/** Bundles hooks when a run is planned, and loads exactly those bundles wherever it runs. One folder in `hooks/`. */
export interface HookRuntime {
  /**
   * Bundles a source file with all that it imports, and keeps the bundle by its digest. The asset's path is the source.
   * @throws SpecError `hook.not-found`, `hook.bundle` naming file, line and column
   */
  bundle(role: HookRole, path: string): Promise<Asset>;
  /**
   * Verifies the digest and evaluates the bundle.
   * @param showValues let messages of what a hook throws through; they may hold values of rows
   * @throws SpecError `hook.missing`, `hook.no-default`, `hook.failed`
   */
  load(asset: Asset, options: { readonly showValues: boolean }): Promise<LoadedHook>;
}

export interface LoadedHook {
  /** Columns that the module says it reads (`export const reads`), `null` where it doesn't say. */
  readonly reads: readonly string[] | null;
  /**
   * Calls the default export.
   * @throws SpecError `hook.failed` with file, line and column of the author's source; misuse of a chunk likewise
   */
  call(chunk: HookChunk, context: HookContext): Promise<unknown>;
  /** Where the hook is, for messages, and as details. */
  readonly path: string;
  readonly details: { readonly [key: string]: JsonValue };
}
