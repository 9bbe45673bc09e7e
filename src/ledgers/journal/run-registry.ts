/**
 * Index of the runs and of their order. Three names for one small file that contains the run:
 *
 * - `runs/<run id>/run.json`: from an id to its run
 * - `order/<20 digits>.json`: newest last, independent of the clock
 * - `keys/<digest of job and scope>/<generation>.json`: one run for each key. This link is made last and
 *   creates the run; a run whose key is missing or names another run was never created.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import type { Run, RunKey } from "../../job/run.js";
import type { FileSystem } from "../../stores/file-system.js";
import { requireRunId, runIdTaken } from "../refusals.js";
import { makeDurableDirectory } from "./durable-directory.js";
import { corruptRunFile, futureVersion } from "./journal-errors.js";
import { decodeTerminatedLine, encodeLine, type LineBody } from "./line.js";
import { journalVersion } from "./records.js";

/** Of the key of a forgotten run: versions of Nightshift that do not know of retention refuse it. */
const forgottenVersion = journalVersion + 1;

export interface RunRegistry {
  create(run: Run): Promise<"created" | "exists">;
  /**
   * Makes a run durable that another process created. Call it before building on a run: its creator may have
   * died.
   */
  secure(run: Run): Promise<void>;
  read(runId: string): Promise<Run | null>;
  /** Newest first. */
  list(): AsyncIterable<Run>;
  /** The generations of one job and scope, newest first. */
  listScope(jobId: string, scope: string): AsyncIterable<Run>;
  /** The highest generation of a job and scope, forgotten ones included; 0: none. */
  lastGeneration(jobId: string, scope: string): Promise<number>;
  /** Removes runs, but for their keys. Goes on where an earlier call broke off. */
  forget(runs: readonly Run[]): Promise<void>;
  /** Returns the directory of the run's files. @throws SpecError `refused.run-id` if the id is not a safe directory name */
  directory(runId: string): string;
}

/** @param uniqueName returns a name that no process has used before */
export function runRegistry(fileSystem: FileSystem, stateDir: string, uniqueName: () => string): RunRegistry {
  const orderDirectory = `${stateDir}/order`;

  function directory(runId: string): string {
    requireRunId(runId);
    return `${stateDir}/runs/${runId}`;
  }

  function scopeDirectory(jobId: string, scope: string): string {
    const digest = createHash("sha256")
      .update(JSON.stringify([jobId, scope]))
      .digest("hex");
    return `${stateDir}/keys/${digest.slice(0, 32)}`;
  }

  function keyPath({ jobId, scope, generation }: RunKey): string {
    return `${scopeDirectory(jobId, scope)}/${generation}.json`;
  }

  async function readBody(path: string): Promise<LineBody | null> {
    const bytes = await fileSystem.readFile(path);
    if (bytes === null) return null;
    const body = decodeTerminatedLine(bytes);
    if (body === null) throw corruptRunFile(path);
    const isKnown = body.v === journalVersion || (body.v === forgottenVersion && body.isForgotten === true);
    if (!isKnown) throw futureVersion(path, 1, `journal version ${JSON.stringify(body.v)}`);
    return body;
  }

  async function readRunFile(path: string): Promise<Run | null> {
    const body = await readBody(path);
    return body === null ? null : (body.run as Run);
  }

  /** The run under a name, if its key says that it was created and is not forgotten. */
  async function readCreated(path: string): Promise<Run | null> {
    const run = await readRunFile(path);
    if (run === null) return null;
    const key = await readKey(run);
    return key?.id === run.id && !key.isForgotten ? run : null;
  }

  async function readKey({ key }: Pick<Run, "key">): Promise<{ id: string; isForgotten: boolean } | null> {
    const body = await readBody(keyPath(key));
    if (body === null) return null;
    return { id: (body.run as Run).id, isForgotten: body.isForgotten === true };
  }

  /** From here on the run is gone for all readers; its generation is never given again. */
  async function markForgotten(run: Run): Promise<void> {
    const path = keyPath(run.key);
    const finished = `${directory(run.id)}/${uniqueName()}.tmp`;
    const { id, key } = run;
    await fileSystem.writeFile(
      finished,
      encodeLine({ v: forgottenVersion, run: { id, key }, isForgotten: true }),
    );
    await fileSystem.rename(finished, path);
    await fileSystem.syncDirectory(dirname(path));
  }

  /** Removes the files of all runs whose keys say that they are forgotten. The place in the order is removed last. */
  async function sweepForgotten(): Promise<void> {
    for (const name of (await fileSystem.list(orderDirectory)) ?? []) {
      const place = `${orderDirectory}/${name}`;
      const run = await readRunFile(place).catch(() => null);
      if (run === null) continue;
      const key = await readKey(run).catch(() => null);
      if (key?.id !== run.id || !key.isForgotten) continue;
      await fileSystem.removeTree(directory(run.id));
      await fileSystem.syncDirectory(dirname(directory(run.id)));
      await fileSystem.unlink(place);
    }
  }

  /** Creates run.json. An earlier attempt of the same creation may have left one. */
  async function writeRunFile(run: Run): Promise<string> {
    const path = `${directory(run.id)}/run.json`;
    const finished = `${directory(run.id)}/${uniqueName()}.tmp`;
    await fileSystem.writeFile(finished, encodeLine({ v: journalVersion, run }));
    const outcome = await fileSystem.link(finished, path);
    await fileSystem.unlink(finished);
    if (outcome === "exists") {
      const other = await readRunFile(path);
      if (other === null || keyPath(other.key) !== keyPath(run.key)) throw runIdTaken(run.id);
    }
    return path;
  }

  async function takePlaceInOrder(runFile: string): Promise<string> {
    const names = (await fileSystem.list(orderDirectory)) ?? [];
    for (let place = Number.parseInt(names.at(-1) ?? "0", 10) + 1; ; place++) {
      const path = `${orderDirectory}/${String(place).padStart(20, "0")}.json`;
      if ((await fileSystem.link(runFile, path)) === "linked") return path;
    }
  }

  /** Also syncs directories that another process created, because it may not have synced them yet. */
  async function syncDirectories(paths: readonly string[]): Promise<void> {
    await Promise.all(paths.map((path) => fileSystem.syncDirectory(path)));
  }

  async function secure(run: Run): Promise<void> {
    await fileSystem.syncDirectory(dirname(keyPath(run.key)));
  }

  async function* listFiles(paths: readonly string[]): AsyncGenerator<Run> {
    const seen = new Set<string>();
    for await (const run of readAhead(paths, readCreated)) {
      if (run === null || seen.has(run.id)) continue;
      seen.add(run.id);
      yield run;
    }
  }

  return {
    directory,
    async create(run) {
      const key = keyPath(run.key);
      const scope = dirname(key);
      const runDirectory = directory(run.id);
      if ((await fileSystem.stat(key)) !== null) {
        await secure(run);
        return "exists";
      }
      await makeDurableDirectory(fileSystem, stateDir);
      for (const path of [runDirectory, orderDirectory, scope]) await fileSystem.mkdir(path);
      const runFile = await writeRunFile(run);
      const place = await takePlaceInOrder(runFile);
      await syncDirectories([runDirectory, dirname(runDirectory), orderDirectory, dirname(scope), stateDir]);
      const outcome = await fileSystem.link(runFile, key);
      await secure(run);
      if (outcome === "linked") return "created";
      await fileSystem.unlink(place);
      return "exists";
    },
    secure,
    async read(runId) {
      return readCreated(`${directory(runId)}/run.json`);
    },
    async *list() {
      const names = (await fileSystem.list(orderDirectory)) ?? [];
      const newestFirst = [...names].reverse().map((name) => `${orderDirectory}/${name}`);
      yield* listFiles(newestFirst);
    },
    async lastGeneration(jobId, scope) {
      const names = (await fileSystem.list(scopeDirectory(jobId, scope))) ?? [];
      return Math.max(0, ...names.map((name) => Number.parseInt(name, 10)));
    },
    async forget(runs) {
      for (const run of runs) await markForgotten(run);
      await sweepForgotten();
    },
    async *listScope(jobId, scope) {
      const under = scopeDirectory(jobId, scope);
      const names = (await fileSystem.list(under)) ?? [];
      const newestFirst = [...names].sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
      yield* listFiles(newestFirst.map((name) => `${under}/${name}`));
    },
  };
}

const filesAhead = 16;

/** Maps in order, with a few reads in progress at once. */
export async function* readAhead<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  read: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  for await (const item of items) {
    const reading = read(item);
    // The promise is awaited later; until then, a failure must not become an unhandled rejection.
    reading.catch(() => undefined);
    underWay.push(reading);
    const first = underWay.length >= filesAhead ? underWay.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const reading of underWay) yield await reading;
}
