/**
 * Hooks: functions of the job's author over whole chunks. `pre` runs before binding and may add columns that
 * features use; `post` runs on the scored chunk and may add columns and drop rows. The first half of this
 * file is the API for authors; the second half is the contract for bundling, pinning and loading hooks.
 * ```ts import type { PreHook } from "nightshift";  export const reads = ["distance"]; export default ((chunk) => chunk.add("log_distance", chunk.numbers("distance").map(Math.log1p))) satisfies PreHook; ```
 */
import type { Vector } from "apache-arrow";
import type { JsonValue } from "../errors.js";
import type { Interval } from "../job/job.js";
import type { Asset, HookRole } from "../job/plan.js";

/** Default export of `pre:`. Returns the given chunk with columns added. */
export type PreHook = (chunk: HookChunk, context: HookContext) => HookChunk | Promise<HookChunk>;

/** Default export of `post:`. Returns the given chunk with columns added or rows dropped. */
export type PostHook = (chunk: PostChunk, context: HookContext) => PostChunk | Promise<PostChunk>;

/** About 64k rows, column by column. It is immutable: `add` and `keep` return another chunk. */
export interface HookChunk {
  /**
   * Number of values in every column. May be 0: for an empty input a hook is called once, to find the columns
   * it adds.
   */
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
  /** Any column as an Arrow vector, at full precision. Its memory is reused after the hook has returned. */
  vector(column: string): Vector;
  /**
   * Returns a chunk with one more column. The name must be new. Typed arrays keep their type; arrays become
   * `float64`, `int64` (bigints), `bool` or `string`, and may hold nulls. Pass `type` if the first rows do
   * not determine it: if every value is null, and to get the same type for an empty input.
   */
  add(name: string, values: HookValues, type?: HookValueType): HookChunk;
}

export interface PostChunk extends HookChunk {
  add(name: string, values: HookValues, type?: HookValueType): PostChunk;
  /**
   * Returns a chunk that drops the rows whose value is false or 0; they count as filtered. Columns keep their
   * length until the hook has returned. A second call drops further rows.
   */
  keep(rows: readonly boolean[] | Uint8Array): PostChunk;
}

export interface HookContext {
  /** Name of the job. */
  readonly job: string;
  /** The data interval of the run; `null` for a job without intervals. */
  readonly interval: Interval | null;
}

/** The values of a column that a hook adds: one for each row of the chunk. */
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

/** Types that the values of a plain array can be given. */
export type HookValueType = "float32" | "float64" | "int32" | "int64" | "bool" | "string";

/**
 * Bundles hooks when a run is planned, and loads exactly those bundles where the run is executed. One folder
 * in `hooks/` for each implementation.
 */
export interface HookRuntime {
  /**
   * Bundles a source file with everything it imports, and stores the bundle by its digest. The asset's path
   * is the source.
   * @throws SpecError `hook.not-found`, `hook.bundle` naming file, line and column
   */
  bundle(role: HookRole, path: string): Promise<Asset>;
  /**
   * Verifies the digest and evaluates the bundle.
   * @param showValues whether to include the messages of errors thrown by the hook, which may contain values
   * of rows
   * @throws SpecError `hook.missing`, `hook.no-default`, `hook.failed`
   */
  load(asset: Asset, options: { readonly showValues: boolean }): Promise<LoadedHook>;
}

export interface LoadedHook {
  /** Columns that the module declares to read (`export const reads`); `null` if it declares none. */
  readonly reads: readonly string[] | null;
  /**
   * Calls the default export.
   * @throws SpecError `hook.failed` with file, line and column of the author's source, also for wrong use of
   * a chunk
   */
  call(chunk: HookChunk, context: HookContext): Promise<unknown>;
  /** Path of the hook's source, for messages and details. */
  readonly path: string;
  readonly details: { readonly [key: string]: JsonValue };
}
