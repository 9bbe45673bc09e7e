/** One step of the schema `nightshift`. Applied once, in order, never changed once it was released. */
export interface Migration {
  /** 1 to 99 are the ledger's, from 100 on they are the sink's. */
  readonly version: number;
  /** What it makes, for people. */
  readonly name: string;
  /** Statements, in one transaction. */
  readonly sql: string;
}

export type Part = "ledger" | "sink";

const firstOfSink = 100;

export function partOf(version: number): Part {
  return version < firstOfSink ? "ledger" : "sink";
}
