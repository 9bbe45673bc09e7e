/** What a kind of input adds to the table of adapters: its description, and how its source is opened. */
import type { Format } from "../formats/format.js";
import type { Connection, ConnectionUrl } from "../job/connection.js";
import type { InputKind, InputSpec } from "../job/input.js";
import type { Partition } from "../job/partition.js";
import type { Store } from "../stores/store.js";
import type { InputKeeper, Source } from "./source.js";

export interface SourceAdapter<Input extends InputSpec = InputSpec, Part extends Partition = Partition>
  extends InputKind<Input, Part> {
  /** Opens the source, in a worker host or a thread; loads its modules then and not before. */
  open(input: Input, parts: SourceParts): Promise<Source>;
  /**
   * Opens the coordinator's half; `null` if this input needs none. Absent if no input of this kind needs one.
   */
  openKeeper?(input: Input, parts: KeeperParts): Promise<InputKeeper | null>;
}

export interface KeeperParts {
  /**
   * Resolves the URL of a database, with its secrets, from this process's own environment. @throws SpecError
   * `connection.*`
   */
  readonly resolve: (connection: Connection) => Promise<ConnectionUrl>;
}

/** Parts that any source may need, created on first use. */
export interface SourceParts extends KeeperParts {
  readonly store: () => Promise<Store>;
  readonly format: () => Promise<Format>;
}
