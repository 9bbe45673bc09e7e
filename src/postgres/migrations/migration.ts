/** One step of the schema `nightshift`. Applied once, in order; never changed after its release. */
export interface Migration {
  /** The ledger uses 1 to 99, the sink 100 and higher. */
  readonly version: number;
  /** What it creates, for display. */
  readonly name: string;
  /** SQL statements, run in one transaction. */
  readonly sql: string;
}

export type Part = "ledger" | "sink";

const firstOfSink = 100;

export function partOf(version: number): Part {
  return version < firstOfSink ? "ledger" : "sink";
}
