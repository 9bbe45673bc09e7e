/** A project in a directory of its own: flights in several files, one partition each, and a job that scores them. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parquetWriteFile } from "hyparquet-writer";
import {
  type Finished,
  nightshift,
  nightshiftWith,
  type Running,
  type StartOptions,
  startNightshift,
} from "./nightshift.js";
import { readRows } from "./published-rows.js";

const support = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** Takes `distance`, `hour` (an integer), `origin` and `destination` by name. */
export const flightModel = fileURLToPath(
  new URL("../../fixtures/models/flight-columns.onnx", import.meta.url),
);

export interface FlightFile {
  /** Keys are `first`, `first + 1`, … */
  readonly first: number;
  readonly rows: number;
  /** By key; `null` cannot go into the model. */
  readonly hour?: (key: number) => bigint | null;
  readonly rowGroupRows?: number;
  readonly codec?: "SNAPPY" | "UNCOMPRESSED";
}

export function writeFlights(
  path: string,
  { first, rows, hour, rowGroupRows = rows, codec = "SNAPPY" }: FlightFile,
): void {
  const keys = Array.from({ length: rows }, (_, row) => first + row);
  parquetWriteFile({
    filename: path,
    rowGroupSize: rowGroupRows,
    codec,
    columnData: [
      { name: "flight_id", data: keys.map(BigInt), type: "INT64" },
      { name: "distance", data: keys.map(distanceOf), type: "DOUBLE" },
      { name: "hour", data: keys.map(hour ?? ((key) => BigInt(key % 24))), type: "INT64" },
      { name: "origin", data: keys.map((key) => (key % 3 === 0 ? "ATL" : "DEN")), type: "STRING" },
      { name: "destination", data: keys.map(() => "MSY"), type: "STRING" },
    ],
  });
}

/** Scattered, so that predictions are as large on the disk as real ones. */
export function distanceOf(key: number): number {
  return 100 + ((key * 7919) % 250_007) / 97;
}

export interface FlightProject {
  readonly cwd: string;
  readonly files: number;
  readonly rows: number;
  inputPath(index: number): string;
  readonly out: string;
  /** Runs the command line here, to its end. */
  nightshift(...argv: readonly string[]): Finished;
  nightshiftWith(env: { readonly [name: string]: string }, ...argv: readonly string[]): Finished;
  start(argv: readonly string[], options?: StartOptions): Running;
  remove(): void;
}

export interface ProjectOptions {
  readonly files?: number;
  readonly rowsAFile?: number;
  /** Lines under `limits:`. */
  readonly limits?: readonly string[];
  readonly write?: string;
  readonly threads?: number | "auto";
  readonly hour?: FlightFile["hour"];
  /** Source of a `post` hook. */
  readonly post?: string;
}

/** The job is `flights`: it scores `input/*.parquet` with `model.onnx` into `out`. */
export function flightProject(options: ProjectOptions = {}): FlightProject {
  const {
    files = 6,
    rowsAFile = 50,
    threads = 1,
    limits = [],
    write = "{ to: ../out, mode: replace }",
    hour,
    post,
  } = options;
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-faults-")));
  const inputPath = (index: number): string =>
    join(cwd, "input", `${String(index).padStart(2, "0")}.parquet`);
  mkdirSync(join(cwd, "input"));
  mkdirSync(join(cwd, "jobs"));
  cpSync(flightModel, join(cwd, "model.onnx"));
  for (let index = 0; index < files; index++)
    writeFlights(inputPath(index), {
      first: index * rowsAFile,
      rows: rowsAFile,
      ...(hour === undefined ? {} : { hour }),
    });
  if (post !== undefined) writeFileSync(join(cwd, "jobs/post.ts"), post);
  writeFileSync(
    join(cwd, "jobs/flights.yaml"),
    [
      "version: 1",
      "name: flights",
      "model: ../model.onnx",
      "input: { from: ../input/*.parquet, key: [flight_id] }",
      `write: ${write}`,
      ...(post === undefined ? [] : ["post: ./post.ts"]),
      "limits:",
      ...[`partition_rows: ${rowsAFile}`, `threads: ${threads}`, ...limits].map((line) => `  ${line}`),
      "",
    ].join("\n"),
  );
  return {
    cwd,
    files,
    rows: files * rowsAFile,
    inputPath,
    out: join(cwd, "out"),
    nightshift: (...argv) => nightshift(cwd, ...argv),
    nightshiftWith: (env, ...argv) => nightshiftWith(env, cwd, ...argv),
    start: (argv, startOptions) => startNightshift(cwd, argv, startOptions),
    remove: () => rmSync(cwd, { recursive: true, force: true }),
  };
}

/** What readers see: rows of every Parquet file below the output, in the order of the files' names. */
export async function rowsIn(out: string): Promise<readonly Record<string, unknown>[]> {
  if (statSync(out).isFile()) return readRows(out);
  // The slash makes it follow the symlink, also under /proc/<pid>/root, where `realpath` would lose the way.
  const names = readdirSync(`${out}/`, { recursive: true, encoding: "utf8" });
  const all: Record<string, unknown>[] = [];
  for (const name of names.filter((one) => one.endsWith(".parquet")).sort())
    all.push(...(await readRows(join(out, name))));
  return all;
}

export async function keysIn(out: string): Promise<readonly number[]> {
  return (await rowsIn(out)).map((row) => Number(row.flight_id));
}

/** 0, 1, … : what {@link keysIn} gives when every row is there once, in input order. */
export function keysBelow(end: number): readonly number[] {
  return Array.from({ length: end }, (_, key) => key);
}

export interface Fault {
  readonly role: "coordinator" | "host" | "thread";
  readonly path: string;
  readonly nth: number;
}

/** Environment of a process that dies where it reads a file: see fault-at.mjs. */
export function crashing(fault: Fault): { readonly [name: string]: string } {
  return preloaded("fault-at.mjs", { NIGHTSHIFT_FAULT: JSON.stringify({ ...fault, act: "crash" }) });
}

/** A process that waits where it reads a file until it is let go on. */
export interface Held {
  readonly env: { readonly [name: string]: string };
  /** Resolves when it waits there. */
  reached(): Promise<void>;
  letGo(): void;
}

export function holding(cwd: string, fault: Fault): Held {
  const gate = join(mkdtempSync(join(cwd, ".gate-")), "gate");
  return {
    env: preloaded("fault-at.mjs", { NIGHTSHIFT_FAULT: JSON.stringify({ ...fault, act: "hold", gate }) }),
    async reached() {
      while (!existsSync(`${gate}.reached`)) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    letGo: () => writeFileSync(gate, ""),
  };
}

/** Environment of a process whose wall clock is wrong: see shifted-clock.mjs. */
export function clockOff(clock: { readonly shiftMs?: number; readonly stepMs?: number }): {
  readonly [name: string]: string;
} {
  return preloaded("shifted-clock.mjs", { NIGHTSHIFT_CLOCK: JSON.stringify(clock) });
}

/** Environment of a process whose ONNX Runtime says that it is another version: see other-engine.mjs. */
export function otherEngine(): { readonly [name: string]: string } {
  return preloaded("other-engine.mjs", {});
}

function preloaded(
  name: string,
  env: { readonly [name: string]: string },
): { readonly [name: string]: string } {
  return { ...env, NODE_OPTIONS: `--import ${pathToFileURL(support(name)).href}` };
}
