/** Places that a command line names: files, or tables of databases. */
import { SpecError } from "../../errors.js";
import type { InputSpec } from "../../job/input.js";
import type { WriteSpec } from "../../job/output.js";
import { localPath } from "../../service/paths.js";
import { filesAt } from "../../sinks/files/files-sink-adapter.js";
import type { FilesWrite } from "../../sinks/files/files-write.js";
import type { FilesInput } from "../../sources/files/files-input.js";
import { unwrittenEnding } from "../../text/recognise-file.js";
import { type DatabasePlace, refuseBareDatabase, refuseSameTable, tableInput, tableWrite } from "./tables.js";

/** Options of commands that say how files are read. */
export interface InputFlags {
  readonly key?: readonly string[];
  readonly missingColumns?: "fail" | "nulls";
  readonly plainFiles?: true;
}

/** Where rows come from and where predictions go. */
export interface Places {
  readonly input: InputSpec;
  readonly write: WriteSpec;
}

export interface NamedPlaces {
  readonly inputs: readonly string[];
  /** Table of the one database that is named as input. */
  readonly table?: string;
  readonly to: string;
  /** Table of the database that is named as output. */
  readonly toTable?: string;
  readonly overwrite: boolean;
}

/** @throws SpecError `usage.*`, `connection.*` for what is neither a path nor a table */
export function placesOf(named: NamedPlaces, flags: InputFlags, place: DatabasePlace): Places {
  const { inputs, table, to, toTable, overwrite } = named;
  const key = flags.key ?? [];
  if (table === undefined) for (const input of inputs) refuseBareDatabase(input, "input", place);
  else refuseOptionsOfFiles(flags);
  if (toTable === undefined) refuseBareDatabase(to, "output", place);
  const source = table === undefined ? null : tableInput(inputs, table, key, place);
  const input = source ?? filesInput(inputs, flags, place.cwd);
  const target = toTable === undefined ? null : tableWrite(to, toTable, { key, overwrite }, place);
  const write = target ?? filesWrite({ to, overwrite }, place.cwd);
  if (source !== null && target !== null) refuseSameTable(source, target);
  return { input, write };
}

/** Called where the input is a table. @throws SpecError `usage.option-of-files` */
export function refuseOptionsOfFiles({ plainFiles, missingColumns }: InputFlags): void {
  const option = plainFiles === true ? "--plain-files" : "--missing-columns";
  if (plainFiles === undefined && missingColumns === undefined) return;
  throw new SpecError("usage.option-of-files", `${option} is about files, and the input is a table`, {
    hint: "Leave it out.",
  });
}

export function filesInput(inputs: readonly string[], flags: InputFlags, cwd: string): FilesInput {
  return {
    kind: "files",
    from: inputs.map((input) => localPath(input, cwd)),
    ...(flags.plainFiles === true ? { plainFiles: true } : {}),
    ...(flags.missingColumns === undefined ? {} : { missingColumns: flags.missingColumns }),
    key: flags.key ?? [],
    onEmpty: "fail",
  };
}

export function filesWrite(
  { to, overwrite }: { readonly to: string; readonly overwrite: boolean },
  cwd: string,
): FilesWrite {
  refuseEnding(to);
  return filesAt(localPath(to, cwd), { mode: overwrite ? "replace" : "error" });
}

/** @throws SpecError `usage.output-format` */
export function refuseEnding(to: string): void {
  const ending = unwrittenEnding(to);
  if (ending === null) return;
  throw new SpecError("usage.output-format", `predictions are written as Parquet, not as ${ending}`, {
    hint: "Give -o a name that ends in .parquet, or a directory: one that ends in a slash may be called anything.",
  });
}
