/**
 * Inputs of jobs, whatever they are: what a job, a run and the command line ask of an input without opening it. Each kind
 * of input answers for itself through its {@link InputKind}. `registry.ts` registers the kinds when a process starts;
 * afterwards the table is only read.
 */
import { SpecError } from "../errors.js";
import { shownAddress } from "../text/path-scheme.js";
import type { Connection } from "./connection.js";
import type { FileSlice, Partition } from "./partition.js";
import type { Problem, SpecPath } from "./spec-problem.js";

/** The part of a job that says where rows come from. What else it holds belongs to its kind. */
export interface InputSpec {
  /** Name of an {@link InputKind}. */
  readonly kind: string;
  /** Columns that identify a row. */
  readonly key: readonly string[];
  readonly onEmpty: "fail" | "skip" | "publish";
  /** A run whose input has not arrived waits for it; absent: it fails. No part of what a run is. */
  readonly waitFor?: WaitFor;
}

export interface WaitFor {
  /** From the first look on. */
  readonly timeoutMs: number;
  readonly pollMs: number;
  /** Name of a file that says that the files of its directory are complete. */
  readonly marker: string | null;
}

/** Pure, and cheap: every process has all of them. */
export interface InputKind<Input extends InputSpec = InputSpec, Part extends Partition = Partition> {
  /** As stored in jobs. */
  readonly name: string;
  /** Whether `input.from` of a spec names an input of this kind. True for one kind at most. */
  isNamedBy(from: string): boolean;
  /** Words that name an input of this kind are paths: a spec may not lead them outside of where they belong. */
  readonly namesPaths: boolean;
  /** Parts of a spec that `mistakes` looks at. It is not called if one of them has a mistake already. */
  readonly checked: readonly SpecPath[];
  /** Finds what the schema of specs cannot: keys of other kinds, and keys that exclude or need each other. */
  mistakes(written: WrittenInput): Iterable<Problem>;
  /** Keys of `input` that may name the interval, and the warning if none of them does. */
  readonly intervals: { readonly keys: readonly string[]; readonly warning: string };
  /** Makes the part of a job of a spec that passed all checks. */
  parse(written: WrittenInput, place: InputPlace): Omit<Input, keyof InputSpec> & Pick<Input, "kind">;
  /** Returns the keys of a spec that mean the same, besides `key`, `on_empty` and `wait_for`. */
  keysOf(input: Input): { readonly [key: string]: unknown };
  /** Describes the input, for people. */
  describe(input: Input): string;
  /** Names the input in messages about its columns. */
  shortName(input: Input): string;
  /** What a user checks if the input has no rows: `path`. */
  noun(input: Input): string;
  /** What shapes predictions besides `key` and `onEmpty`: part of a run's fingerprint. Keys must not change. */
  identity(input: Input): { readonly [key: string]: unknown };
  /** Partitions are slices of files, which a plan pins. If not, nothing tells whether rows changed since they were read. */
  readonly pinsFiles: boolean;
  /** The partition of an input without rows: an output without rows is still made of one. */
  emptyPartition(): Part;
  /** Whether the plan knows how many rows a partition has. If not, its source counts them: see `SourceReadRequest`. */
  hasExactRows(partition: Part): boolean;
  /** The slices of files that a partition reads; empty unless the kind pins files. */
  slicesOf(partition: Part): readonly FileSlice[];
  /** What a partition reads, for the fingerprint: lines that must not change. Equal neighbours count once in a plan. */
  identitiesOf(partition: Part): readonly string[];
  /** What partitions are parts of, for people: `files`. */
  readonly partitionNoun: string;
  /** Says which part of the input a partition is, for people, without values of rows. @param shown shortens a path */
  describePartition(partition: Part, shown: (path: string) => string): string;
  /** Names the place that keeps copies of the input which may outlive their run; `null` if there are none. */
  copiesIn(input: Input): string | null;
}

/** `input` of a spec, with the keys that all inputs have. The others are known to their kinds. */
export interface WrittenInput {
  readonly from: string | readonly string[];
  readonly [key: string]: unknown;
}

/** What a spec's words are relative to. */
export interface InputPlace {
  /** Resolves a path against the spec's folder. */
  readonly absolute: (path: string) => string;
  /** The database that `from` names; `null` without one. */
  readonly connection: Connection | null;
}

const kinds = new Map<string, InputKind>();

/** Called by `registry.ts` for each kind when a process starts. @throws SpecError `adapter.name-taken` */
export function registerInputKind(kind: InputKind): void {
  const known = kinds.get(kind.name);
  if (known !== undefined && known !== kind)
    throw new SpecError("adapter.name-taken", `two adapters read inputs of the kind ${kind.name}`, {
      hint: "Remove one of them, or give it another name.",
    });
  kinds.set(kind.name, kind);
}

/** Jobs of version 0.1, whose ledgers are still read, name no kind. */
const unnamedKind = "files";

/** Returns what answers for an input. @throws SpecError `adapter.unknown` if this process has no such kind */
export function inputKind({ kind = unnamedKind }: Partial<Pick<InputSpec, "kind">>): InputKind {
  const found = kinds.get(kind);
  if (found !== undefined) return found;
  throw new SpecError("adapter.unknown", `this version of Nightshift reads no inputs of the kind ${kind}`, {
    hint: `It reads: ${[...kinds.keys()].join(", ")}. The job was made by another version.`,
    details: { kind },
  });
}

/** All kinds of this process, in the order in which they were registered. */
export function inputKinds(): readonly InputKind[] {
  return [...kinds.values()];
}

/** Returns the kind that `input.from` of a spec names: of a list, the first that names an item. `null` if none does. */
export function inputKindOf(from: WrittenInput["from"]): InputKind | null {
  const words = typeof from === "string" ? [from] : from;
  return inputKinds().find((kind) => words.some((word) => kind.isNamedBy(word))) ?? null;
}

/** Likewise. @throws SpecError `adapter.unknown` if no kind is named */
export function inputKindNamed(from: WrittenInput["from"]): InputKind {
  const kind = inputKindOf(from);
  if (kind !== null) return kind;
  const shown = [from].flat().map(shownAddress).join(", ");
  throw new SpecError("adapter.unknown", `this version of Nightshift cannot read ${shown}`, {
    hint: `It reads: ${[...kinds.keys()].join(", ")}.`,
  });
}

/** See {@link InputKind.describe}. */
export function describeInput(input: InputSpec): string {
  return inputKind(input).describe(input);
}
