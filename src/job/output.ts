/**
 * Outputs of jobs, whatever they are: what a job, a run and the command line ask of an output without opening it. Each
 * kind of output answers for itself through its {@link OutputKind}. `registry.ts` registers the kinds when a process
 * starts; afterwards the table is only read.
 */
import { type JsonValue, SpecError } from "../errors.js";
import { shownAddress } from "../text/path-scheme.js";
import type { Connection } from "./connection.js";
import type { WrittenInput } from "./input.js";
import type { Problem, SpecPath } from "./spec-problem.js";

export type WriteMode = "error" | "append" | "replace" | "upsert";

/** The part of a job that says where predictions go. What else it holds belongs to its kind. */
export interface WriteSpec {
  /** Name of an {@link OutputKind}. */
  readonly kind: string;
  readonly mode: WriteMode;
  readonly partitionBy: readonly string[];
  /** Constant columns. `{{ run.* }}` and `{{ model.* }}` are still unexpanded here. */
  readonly add: { readonly [column: string]: JsonValue };
}

/** Pure, and cheap: every process has all of them. */
export interface OutputKind<Write extends WriteSpec = WriteSpec> {
  /** As stored in jobs. */
  readonly name: string;
  /** Whether `write.to` of a spec names an output of this kind. True for one kind at most. */
  isNamedBy(to: string): boolean;
  /** Words that name an output of this kind are paths: a spec may not lead them outside of where they belong. */
  readonly namesPaths: boolean;
  /** Parts of a spec that `mistakes` looks at. It is not called if one of them has a mistake already. */
  readonly checked: readonly SpecPath[];
  /** Finds what the schema of specs cannot: keys of other kinds, and keys that exclude or need each other. */
  mistakes(written: WrittenOutput, input: WrittenInput): Iterable<Problem>;
  /** The key of `write` that gives each interval a place of its own if it names the interval. */
  readonly intervalKey: string;
  /** Makes the part of a job of a spec that passed all checks. */
  parse(written: WrittenOutput, place: WrittenPlace): Write;
  /** Returns the keys of a spec that mean the same, besides `partition_by` and `add`. */
  keysOf(write: Write): { readonly [key: string]: unknown };
  /**
   * Where predictions go, in one secret-free text: for people, for comparing, and part of a job's identity. Equal for
   * two outputs only if they are the same.
   */
  target(write: Write): string;
  /** What shapes predictions besides `partitionBy` and `add`: part of a run's fingerprint. Keys must not change. */
  identity(write: Write): { readonly [key: string]: unknown };
  /** Where readers find the predictions. */
  place(write: Write): OutputPlace;
  /** Absolute path in or beside which attempts leave files: all machines of a run must share it. `null`: none. */
  stagingPath(write: Write): string | null;
}

/** `write` of a spec, with the keys that all outputs have. The others are known to their kinds. */
export interface WrittenOutput {
  readonly to: string;
  readonly mode: WriteMode;
  readonly partition_by?: readonly string[] | undefined;
  readonly add: { readonly [column: string]: JsonValue };
  readonly [key: string]: unknown;
}

/** What a spec's words are relative to. */
export interface WrittenPlace {
  /** Resolves a path against the spec's folder. */
  readonly absolute: (path: string) => string;
  /** The database that `to` names; `null` without one. */
  readonly connection: Connection | null;
  /** `input.key` of the spec. */
  readonly inputKey: readonly string[];
}

export type OutputPlace = PathPlace | TablePlace;

/** Files, which can be listed, inspected and verified. */
export interface PathPlace {
  readonly is: "path";
  /** Absolute. */
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Rows that are only reached by asking a server for them. */
export interface TablePlace {
  readonly is: "table";
  /** Name of the table that keeps quarantined rows. */
  readonly quarantine: string;
  /** What a user does instead of reading files, and instead of verifying them; a sentence each. */
  readonly insteadOfFiles: string;
  readonly insteadOfVerify: string;
}

const kinds = new Map<string, OutputKind>();

/** Called by `registry.ts` for each kind when a process starts. @throws SpecError `adapter.name-taken` */
export function registerOutputKind(kind: OutputKind): void {
  const known = kinds.get(kind.name);
  if (known !== undefined && known !== kind)
    throw new SpecError("adapter.name-taken", `two adapters write outputs of the kind ${kind.name}`, {
      hint: "Remove one of them, or give it another name.",
    });
  kinds.set(kind.name, kind);
}

/** Jobs of version 0.1, whose ledgers are still read, name no kind. */
const unnamedKind = "files";

/** Returns what answers for an output. @throws SpecError `adapter.unknown` if this process has no such kind */
export function outputKind({ kind = unnamedKind }: Partial<Pick<WriteSpec, "kind">>): OutputKind {
  const found = kinds.get(kind);
  if (found !== undefined) return found;
  throw new SpecError("adapter.unknown", `this version of Nightshift writes no outputs of the kind ${kind}`, {
    hint: `It writes: ${[...kinds.keys()].join(", ")}. The job was made by another version.`,
    details: { kind },
  });
}

/** All kinds of this process, in the order in which they were registered. */
export function outputKinds(): readonly OutputKind[] {
  return [...kinds.values()];
}

/** Returns the kind that `write.to` of a spec names; `null` if none does. */
export function outputKindOf(to: string): OutputKind | null {
  return outputKinds().find((kind) => kind.isNamedBy(to)) ?? null;
}

/** Likewise. @throws SpecError `adapter.unknown` if no kind is named */
export function outputKindNamed(to: string): OutputKind {
  const kind = outputKindOf(to);
  if (kind !== null) return kind;
  throw new SpecError("adapter.unknown", `this version of Nightshift cannot write to ${shownAddress(to)}`, {
    hint: `It writes: ${[...kinds.keys()].join(", ")}.`,
  });
}

/** See {@link OutputKind.target}. */
export function targetOf(write: WriteSpec): string {
  return outputKind(write).target(write);
}

/** See {@link OutputKind.place}. */
export function placeOf(write: WriteSpec): OutputPlace {
  return outputKind(write).place(write);
}

/** See {@link OutputKind.stagingPath}. */
export function stagingPathOf(write: WriteSpec): string | null {
  return outputKind(write).stagingPath(write);
}
