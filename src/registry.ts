/**
 * The table of adapters: what a job may read, write and run with. An adapter describes itself without its implementation,
 * which is loaded when it is first opened.
 */
import { hooksOff } from "./assets/refusals.js";
import type { Environment } from "./config.js";
import { BugError } from "./errors.js";
import type { Format } from "./formats/format.js";
import type { HookRuntime } from "./hooks/hook.js";
import type { Connection, ConnectionUrl } from "./job/connection.js";
import { type InputSpec, inputKind, registerInputKind } from "./job/input.js";
import { outputKind, registerOutputKind, type WriteSpec } from "./job/output.js";
import { withinMemory } from "./planning/row-group-memory.js";
import type { ModelRuntime } from "./runtimes/model.js";
import type { SinkAdapter } from "./sinks/adapter.js";
import { filesSinkAdapter } from "./sinks/files/files-sink-adapter.js";
import { postgresSinkAdapter } from "./sinks/postgres/postgres-sink-adapter.js";
import type { StagingSink } from "./sinks/sink.js";
import type { SourceAdapter } from "./sources/adapter.js";
import { filesSourceAdapter, inputOfFile } from "./sources/files/files-source-adapter.js";
import { postgresSourceAdapter } from "./sources/postgres/postgres-source-adapter.js";
import type { Source, TableDetector } from "./sources/source.js";
import type { ReadHandle, Store } from "./stores/store.js";
import { newUuid } from "./wiring/system-clock.js";

/** What this version brings. */
const adapters: Adapters = {
  // A database stands alone: it answers for a list that names it among files.
  sources: [postgresSourceAdapter, filesSourceAdapter],
  sinks: [filesSinkAdapter, postgresSinkAdapter],
};

export interface Adapters {
  readonly sources: readonly SourceAdapter[];
  readonly sinks: readonly SinkAdapter[];
}

for (const source of adapters.sources) registerInputKind(source);
for (const sink of adapters.sinks) registerOutputKind(sink);

/** Returns the adapter that opens an input. @throws SpecError `adapter.unknown` */
export function sourceAdapter(input: InputSpec): SourceAdapter {
  const kind = inputKind(input);
  const found = adapters.sources.find((source) => source === kind);
  if (found === undefined)
    throw new BugError("bug.no-adapter", `inputs of the kind ${kind.name} cannot be opened`);
  return found;
}

/** Returns the adapter that opens an output. @throws SpecError `adapter.unknown` */
export function sinkAdapter(write: WriteSpec): SinkAdapter {
  const kind = outputKind(write);
  const found = adapters.sinks.find((sink) => sink === kind);
  if (found === undefined)
    throw new BugError("bug.no-adapter", `outputs of the kind ${kind.name} cannot be opened`);
  return found;
}

/** The implementations that a worker host and its threads need. */
export interface Registry {
  readonly store: () => Promise<Store>;
  readonly format: () => Promise<Format>;
  readonly runtime: () => Promise<ModelRuntime>;
  readonly hooks: () => Promise<HookRuntime>;
  readonly source: (input: InputSpec) => Promise<Source>;
  /** One file as an input of its own, read as it is. @param path absolute */
  readonly sourceOfFile: (path: string) => Promise<Source>;
  readonly tables: () => Promise<TableDetector>;
  readonly stagingSink: (write: WriteSpec) => Promise<StagingSink>;
  /**
   * The same, but for files: row groups that need more memory are refused before they are decoded. For data that no plan
   * has assessed.
   */
  readonly within: (memoryBytes: number) => Registry;
}

export interface RegistryOptions {
  /** Called immediately for every file that is opened (`+path`) and closed (`-path`). */
  readonly note: (line: string) => void;
  /** Where bundles of hooks are kept: beside the runs that use them. */
  readonly hookDir: string;
  /** Where the threads of this process take turns at a device; needed where there are several. */
  readonly device?: SharedArrayBuffer;
  /** What this process makes URLs of databases from. */
  readonly environment: Environment;
  /** Whether functions of jobs may run here. */
  readonly mayRunHooks: boolean;
  /** Outputs lie below it; `null`: anywhere. */
  readonly outputRoot: string | null;
}

export function createRegistry({
  note,
  hookDir,
  device,
  environment,
  outputRoot,
  mayRunHooks,
}: RegistryOptions): Registry {
  const store = async (): Promise<Store> => {
    const { localStore } = await import("./stores/local/local-store.js");
    return noting(localStore(), note);
  };
  let made: Promise<Format> | null = null;
  // One for all partitions of a thread: it remembers the footer that it read last.
  const anyFormat = (): Promise<Format> => {
    made ??= import("./formats/parquet/parquet-format.js").then(({ parquetFormat }) => parquetFormat());
    return made;
  };
  const resolve = async (connection: Connection): Promise<ConnectionUrl> => {
    const { resolveConnection } = await import("./wiring/resolve-connection.js");
    return resolveConnection(connection, { environment });
  };
  const makeRuntime = async (): Promise<ModelRuntime> => {
    const { onnxRuntime } = await import("./runtimes/onnx/onnx-runtime.js");
    return onnxRuntime(device === undefined ? {} : { device });
  };
  // One a thread: it remembers which providers work.
  let runtime: Promise<ModelRuntime> | null = null;
  const registryOver = (format: () => Promise<Format>): Registry => ({
    within: (memoryBytes) => registryOver(async () => withinMemory(await format(), memoryBytes)),
    store,
    format,
    runtime: () => {
      runtime ??= makeRuntime();
      return runtime;
    },
    hooks: async () => {
      if (!mayRunHooks) return noHooksHere;
      const { bundledHooks } = await import("./hooks/bundled-hooks.js");
      const { privateFileSystem } = await import("./stores/local/local-file-system.js");
      return bundledHooks({ directory: hookDir, fileSystem: privateFileSystem(), newId: newUuid });
    },
    source: (input) => sourceAdapter(input).open(input, { store, format, resolve }),
    sourceOfFile: (path) => filesSourceAdapter.open(inputOfFile(path), { store, format, resolve }),
    tables: async () => {
      const { TableRoots } = await import("./sources/files/table-formats.js");
      return new TableRoots(await store());
    },
    stagingSink: (write) =>
      sinkAdapter(write).openStaging(write, {
        format,
        fileSystem: async () => {
          const { outputFileSystem } = await import("./wiring/output-files.js");
          return outputFileSystem(outputRoot);
        },
        resolve,
      }),
  });
  return registryOver(anyFormat);
}

/** Runs nothing. */
const noHooksHere: HookRuntime = {
  bundle: async (_role, path) => {
    throw hooksOff(path);
  },
  load: async ({ path }) => {
    throw hooksOff(path);
  },
};

/** A store that notes its open files for the parent of this process, even if the process dies in native code. */
function noting(store: Store, note: (line: string) => void): Store {
  return {
    list: (pattern) => store.list(pattern),
    stat: (path) => store.stat(path),
    names: (directory) => store.names(directory),
    async open(path): Promise<ReadHandle> {
      const handle = await store.open(path);
      note(`+${path}`);
      const close = handle.close.bind(handle);
      handle.close = async () => {
        note(`-${path}`);
        await close();
      };
      return handle;
    },
  };
}
