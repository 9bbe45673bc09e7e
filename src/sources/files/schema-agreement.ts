/**
 * Finds one schema for all files, file by file, without storing them. Only the columns that a job reads have
 * to agree: a column without agreement is part of the schema, with the error for a job that reads it.
 */
import {
  type Column,
  type ColumnProblem,
  type ColumnType,
  type Schema,
  typeName,
} from "../../data/column.js";
import { DataError } from "../../errors.js";
import { type JoinRules, joinTypes, type SeenType } from "./join-types.js";

export interface SchemaAgreement {
  add(path: string, schema: Schema): void;
  /**
   * Columns in the order in which they were found; nullable if the column is nullable in any file. Empty
   * before the first file.
   */
  readonly schema: Schema;
  /**
   * Called with a file that was added before, once it is known which columns are read.
   * @throws DataError `source.changed` if one of these columns has a type that the file did not have then
   */
  check(path: string, schema: Schema, columns: readonly string[]): void;
}

export interface AgreementOptions {
  /** Whether a column that some files lack is null in them. */
  readonly missingAsNulls: boolean;
}

/** Findings about one column. */
interface Seen {
  /** By the type as JSON. */
  readonly types: Map<string, SeenType>;
  nullable: boolean;
  /** A file without the column. */
  lacking: string | null;
  /** Whether it is an index in any file. */
  isIndex: boolean;
  /** The metadata, if all files have the same. */
  metadata: Column["metadata"];
}

export function schemaAgreement({ missingAsNulls }: AgreementOptions): SchemaAgreement {
  const columns = new Map<string, Seen>();
  let firstPath: string | null = null;
  let agreed: Schema | null = null;
  const rules: JoinRules = {
    conflict,
    missingField: (column, seen, lacking) =>
      missingAsNulls ? seen.type : missing(column, seen.path, lacking),
  };

  return {
    add(path, schema) {
      agreed = null;
      const found = byName(path, schema);
      for (const [name, { type, nullable, metadata, isIndex }] of found) {
        const seen = columns.get(name) ?? {
          types: new Map(),
          nullable: false,
          lacking: firstPath,
          isIndex: false,
          metadata,
        };
        if (!sameMetadata(seen.metadata, metadata)) seen.metadata = undefined;
        const key = JSON.stringify(type);
        if (!seen.types.has(key)) seen.types.set(key, { type, path });
        seen.nullable ||= nullable;
        seen.isIndex ||= isIndex === true;
        columns.set(name, seen);
      }
      for (const [name, seen] of columns) if (!found.has(name)) seen.lacking ??= path;
      firstPath ??= path;
    },
    get schema() {
      agreed ??= [...columns].map(([name, seen]) => agree(name, seen));
      return agreed;
    },
    check(path, schema, wanted) {
      const found = byName(path, schema);
      for (const name of wanted) {
        const seen = columns.get(name);
        const column = found.get(name);
        const isKnown =
          column === undefined
            ? seen === undefined || seen.lacking !== null
            : seen?.types.has(JSON.stringify(column.type)) === true;
        if (!isKnown) throw changed(name, path);
      }
    },
  };

  function agree(name: string, { types, nullable, lacking, metadata, isIndex }: Seen): Column {
    const seen = [...types.values()];
    const [first] = seen;
    const isMissing = lacking !== null && first !== undefined;
    const type =
      isMissing && !missingAsNulls ? missing(name, first.path, lacking) : joinTypes(name, seen, rules);
    return {
      name,
      type,
      nullable: nullable || isMissing,
      ...(isIndex ? { isIndex } : {}),
      ...(metadata === undefined ? {} : { metadata }),
    };
  }
}

function sameMetadata(one: Column["metadata"], other: Column["metadata"]): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** A name that a file uses twice is a column that cannot be read. */
function byName(path: string, schema: Schema): ReadonlyMap<string, Column> {
  const columns = new Map<string, Column>();
  for (const column of schema)
    columns.set(column.name, columns.has(column.name) ? twice(column, path) : column);
  return columns;
}

function twice(column: Column, path: string): Column {
  return {
    name: column.name,
    nullable: true,
    type: unreadable("a name that two columns have", {
      code: "data.unsupported",
      message: `${path} has two columns named "${column.name}"`,
      hint: "Rename one of them.",
      details: { file: path, column: column.name },
    }),
  };
}

function missing(column: string, path: string, lacking: string): ColumnType {
  return unreadable(`missing in ${lacking}`, {
    code: "source.schema-drift",
    message: `the input files differ: column "${column}" is in ${path} and not in ${lacking}`,
    hint: "Set `input.missing_columns: nulls` (score: --missing-columns nulls) to read it as nulls there, or leave the file out.",
    details: { column, file: lacking, other: path },
  });
}

function conflict(column: string, seen: readonly SeenType[]): ColumnType {
  const [first, second] = firstConflict(column, seen);
  return unreadable(`${typeName(first.type)} and ${typeName(second.type)}`, {
    code: "source.schema-drift",
    message:
      `the input files differ: column "${column}" is ${typeName(first.type)} in ${first.path}` +
      ` and ${typeName(second.type)} in ${second.path}, and no type holds both without loss`,
    hint: "Write the files with one type, or score them in separate runs.",
    details: { column, file: second.path, other: first.path },
  });
}

/**
 * Returns two of the types without a common supertype. All together may have none although every two have
 * one: then the outermost two.
 */
function firstConflict(column: string, seen: readonly SeenType[]): readonly [SeenType, SeenType] {
  const disagree: ColumnType = { kind: "other", name: "" };
  const rules: JoinRules = { conflict: () => disagree, missingField: (_column, { type }) => type };
  for (const [index, one] of seen.entries())
    for (const other of seen.slice(index + 1))
      if (joinTypes(column, [one, other], rules) === disagree) return [one, other];
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError("no types were given");
  return [first, last];
}

function unreadable(name: string, problem: ColumnProblem): ColumnType {
  return { kind: "other", name, problem };
}

function changed(column: string, path: string): DataError {
  return new DataError(
    "source.changed",
    `${path} changed while the run was planned: its column "${column}" has another type now`,
    { hint: "Plan again.", details: { file: path, column } },
  );
}
