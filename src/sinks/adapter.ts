/** What a kind of output adds to the table of adapters: its description, and both halves of its sink. */
import type { Format } from "../formats/format.js";
import type { JoinedFile } from "../host/host.js";
import type { Connection, ConnectionUrl } from "../job/connection.js";
import type { OutputKind, WriteSpec } from "../job/output.js";
import type { FileSystem } from "../stores/file-system.js";
import type { Clock, NewId } from "../time/clock.js";
import type { Sink, StagingSink } from "./sink.js";

export interface SinkAdapter<Write extends WriteSpec = WriteSpec> extends OutputKind<Write> {
  /** Opens the coordinator's half. Called for each run; loads its modules then and not before. */
  open(write: Write, parts: SinkParts): Promise<Sink>;
  /** Opens the worker's half. Called in a thread for each partition. */
  openStaging(write: Write, parts: StagingParts): Promise<StagingSink>;
}

/** Parts that any sink may need, created on first use. */
interface AnySinkParts {
  /** Refuses changes outside of NIGHTSHIFT_OUTPUT_ROOT. */
  readonly fileSystem: () => Promise<FileSystem>;
  /**
   * Resolves the URL of a database, with its secrets, from this process's own environment. @throws SpecError
   * `connection.*`
   */
  readonly resolve: (connection: Connection) => Promise<ConnectionUrl>;
}

export interface SinkParts extends AnySinkParts {
  readonly clock: Clock;
  readonly newId: NewId;
  /** Joins finished files into a new one, in a worker host; its contents are synced. */
  readonly join: (parts: readonly string[], path: string) => Promise<JoinedFile>;
  /**
   * Returns the resource with a key, or opens it: one for all sinks of a process, closed at the end of the
   * process.
   */
  readonly shared: <T extends Closable>(key: string, open: () => Promise<T>) => Promise<T>;
  /** Called with a message while the sink waits for other sessions. */
  readonly onWait: (text: string) => void;
}

export interface StagingParts extends AnySinkParts {
  /** The file format of the output. */
  readonly format: () => Promise<Format>;
}

export interface Closable {
  close(): Promise<void>;
}
