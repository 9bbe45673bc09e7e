/**
 * Columns from paths (`dt=2026-01-15/`). Their types never depend on which files exist: a column is text
 * unless the job declares its type, or a feature requires a number, a date or a boolean.
 */
import { type Column, type PathType, type PathTypes, pathTypes, type Schema } from "../../data/column.js";
import { DataError, SpecError } from "../../errors.js";
import type { PinnedFile } from "../../job/partition.js";
import type { StoredFile } from "../../stores/store.js";
import { impliedType, type PathValue, parsePathValue } from "./path-values.js";

type Typed = Pick<PinnedFile, "pathValues" | "pathTypes">;

export interface PathColumns {
  /**
   * @param shared names of columns that the file has too: the column is read from the files
   * @throws DataError `source.path-columns` if files have different keys in their paths, or if only some
   * share a column
   */
  add(file: StoredFile, shared: readonly string[]): void;
  /** @throws SpecError `source.path-columns` if the job declares a column that no path has */
  requireDeclared(): void;
  readonly schema: Schema;
  /**
   * Returns the file's values in the declared types, or else in the required ones.
   * @throws DataError `source.path-value` naming the file whose value does not have its type
   */
  typed(file: StoredFile, asked: PathTypes): Typed;
}

export function pathColumns(declared: PathTypes): PathColumns {
  let firstPath: string | null = null;
  let keys: readonly string[] = [];
  let left: ReadonlySet<string> = new Set();
  const own = (): readonly string[] => keys.filter((key) => !left.has(key));
  return {
    add(file, shared) {
      if (firstPath === null) {
        keys = Object.keys(file.pathValues);
        left = new Set(shared);
      }
      firstPath ??= file.path;
      checkKeys(firstPath, keys, file);
      const odd = keys.find((key) => shared.includes(key) !== left.has(key));
      if (odd !== undefined) throw sharedBySome(odd, firstPath, file.path, left.has(odd));
    },
    requireDeclared() {
      const unknown = Object.keys(declared).find((column) => !own().includes(column));
      if (firstPath !== null && unknown !== undefined) throw notInPath(unknown, firstPath, left.has(unknown));
    },
    get schema() {
      return own().map((name): Column => {
        const type = typeIn(declared, name);
        const column = { name, type: pathTypes[type ?? "string"], nullable: true };
        return type === undefined ? { ...column, fromPath: true } : column;
      });
    },
    typed({ path, pathValues }, asked) {
      const typeOf = (column: string): PathType =>
        typeIn(declared, column) ?? typeIn(asked, column) ?? "string";
      const values = own().map((column): readonly [string, PathValue] => {
        const [text, type] = [pathValues[column] ?? "", typeOf(column)];
        const value = parsePathValue(text, type);
        if (value === undefined) throw unreadable({ path, column, text, type });
        return [column, value];
      });
      const types = values
        .map(([column, value]) => ({ column, value, type: typeOf(column) }))
        .filter(({ value, type }) => impliedType(value) !== type)
        .map(({ column, type }) => [column, type] as const);
      return {
        pathValues: Object.fromEntries(values),
        ...(types.length === 0 ? {} : { pathTypes: Object.fromEntries(types) }),
      };
    },
  };
}

function typeIn(types: PathTypes, column: string): PathType | undefined {
  return Object.hasOwn(types, column) ? types[column] : undefined;
}

function checkKeys(firstPath: string, expected: readonly string[], file: StoredFile): void {
  const actual = Object.keys(file.pathValues);
  const odd = [
    ...expected.filter((key) => !actual.includes(key)),
    ...actual.filter((key) => !expected.includes(key)),
  ][0];
  if (odd === undefined) return;
  const [has, lacks] = actual.includes(odd) ? [file.path, firstPath] : [firstPath, file.path];
  throw new DataError(
    "source.path-columns",
    `the path of ${has} has a value for "${odd}" and that of ${lacks} has none`,
    {
      hint: "Name files of one layout only, or score them in separate runs.",
      details: { column: odd, file: file.path, other: firstPath },
    },
  );
}

function sharedBySome(column: string, first: string, file: string, firstHasIt: boolean): DataError {
  const [has, lacks] = firstHasIt ? [first, file] : [file, first];
  return new DataError(
    "source.path-columns",
    `column "${column}" is in ${has} and in its path, and only in the path of ${lacks}`,
    {
      hint: "Drop the column from the files that have it, or score them in separate runs.",
      details: { column, file, other: first },
    },
  );
}

function notInPath(column: string, file: string, isInFiles: boolean): SpecError {
  const where = isInFiles
    ? "the files have that column themselves"
    : `the path of ${file} has no "${column}="`;
  return new SpecError("source.path-columns", `input.path_columns names "${column}", and ${where}`, {
    hint: isInFiles
      ? "Remove it: the files define its type."
      : "Correct the name, or name the directory above it by a wildcard.",
    details: { column, file },
  });
}

function unreadable({
  path,
  column,
  text,
  type,
}: {
  readonly path: string;
  readonly column: string;
  readonly text: string;
  readonly type: PathType;
}): DataError {
  const other = type === "int64" && parsePathValue(text, "float64") !== undefined ? "float64" : "string";
  return new DataError(
    "source.path-value",
    `the path of ${path} has ${column}=${text}, which is not a valid ${type}`,
    {
      hint: `Rename the directory, leave the file out, or declare another type: input.path_columns: { ${column}: ${other} }.`,
      details: { file: path, column, type },
    },
  );
}
