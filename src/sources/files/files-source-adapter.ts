// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** Inputs of local files in the table of adapters. */
import type { PathTypes } from "../../data/column.js";
import type { WrittenInput } from "../../job/input.js";
import { type Problem, wrongKey } from "../../job/spec-problem.js";
import { counted } from "../../text/human.js";
import { schemeOf } from "../../text/path-scheme.js";
import type { SourceAdapter } from "../adapter.js";
import type { FilesInput, FilesPartition } from "./files-input.js";

export const filesSourceAdapter: SourceAdapter<FilesInput, FilesPartition> = {
  name: "files",
  isNamedBy: (from) => schemeOf(from) === null,
  namesPaths: true,
  checked: [["input"]],
  *mistakes(written) {
    for (const key of ["table", "query", "params", "consistency"])
      if (written[key] !== undefined) yield keyOfDatabases(key);
  },
  intervals: {
    keys: ["from"],
    warning: "`input.from` names no interval (such as `dt={{ ds }}`): every interval scores the same rows",
  },
  parse(written, { absolute }) {
    const { from, plain_files, missing_columns, path_columns } = keysIn(written);
    return {
      kind: "files",
      from: [from].flat().map(absolute),
      ...(plain_files === true ? { plainFiles: true } : {}),
      ...(missing_columns === undefined ? {} : { missingColumns: missing_columns }),
      ...(path_columns === undefined ? {} : { pathTypes: path_columns }),
    };
  },
  keysOf: ({ from, plainFiles, missingColumns, pathTypes }) => ({
    from,
    ...(plainFiles === true ? { plain_files: true } : {}),
    ...(missingColumns === undefined ? {} : { missing_columns: missingColumns }),
    ...(pathTypes === undefined ? {} : { path_columns: pathTypes }),
  }),
  describe: ({ from }) => from.join(", "),
  shortName({ from: [only, ...others] }) {
    const isOneFile = only !== undefined && others.length === 0 && /^[^*?[\]{}]*\.\w+$/.test(baseName(only));
    return isOneFile ? baseName(only) : "the input";
  },
  noun: () => "path",
  // Absent keys are not part of the digest, because runs of earlier versions had none of them.
  identity: ({ from, plainFiles, missingColumns, pathTypes }) => ({
    from,
    plainFiles,
    missingColumns,
    pathTypes,
  }),
  pinsFiles: true,
  emptyPartition: () => ({ index: 0, rows: 0, bytes: 0, peakBytes: 0, slices: [] }),
  // Rows are counted in footers.
  hasExactRows: () => true,
  slicesOf: ({ slices }) => slices,
  identitiesOf: ({ slices }) =>
    slices.map(
      ({ file }) => `${file.path}\0${file.size}\0${file.inode}\0${file.mtimeNs}\0${file.footerSha256}`,
    ),
  partitionNoun: "files",
  describePartition({ slices }, shown) {
    const [first] = slices;
    if (first === undefined) return "";
    const groups =
      first.rowGroupEnd - first.rowGroupStart === 1
        ? `row group ${first.rowGroupStart}`
        : `row groups ${first.rowGroupStart} to ${first.rowGroupEnd - 1}`;
    const more = slices.length === 1 ? "" : ` and ${counted(slices.length - 1, "more slice")}`;
    return `${shown(first.file.path)} (${groups})${more}`;
  },
  copiesIn: () => null,
  async open({ from, plainFiles = false, missingColumns = "fail", pathTypes = {}, waitFor }, parts) {
    const { fileSource } = await import("./file-source.js");
    const marker = waitFor?.marker ?? null;
    const store = await parts.store();
    const format = await parts.format();
    return fileSource({ from, plainFiles, missingColumns, pathTypes, marker, store, format });
  },
};

/** Returns the input for a single file, read as a plain file. @param path absolute */
export function inputOfFile(path: string): FilesInput {
  return { kind: "files", from: [path], plainFiles: true, key: [], onEmpty: "fail" };
}

/** Keys of `input` that go with files. */
interface FilesKeys extends WrittenInput {
  readonly plain_files?: boolean;
  readonly missing_columns?: "fail" | "nulls";
  readonly path_columns?: PathTypes;
}

/** The schema of specs has checked their types. */
function keysIn(written: WrittenInput): FilesKeys {
  return written;
}

function keyOfDatabases(key: string): Problem {
  const message = `\`${key}\` belongs to a database, and \`from\` names files`;
  return wrongKey(
    ["input", key],
    "spec.not-a-database",
    message,
    "write `from: ${DATABASE_URL}`, or remove it",
  );
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
