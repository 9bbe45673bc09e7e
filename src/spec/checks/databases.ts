// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** Keys that go with a database, and keys that go with files. */
import { isConnectionUrl, parseTableName, tableText } from "../../job/connection.js";
import type { Problem, SpecPath } from "../problem.js";
import { asList, type Check, wrong } from "./check.js";

const keysOfFiles = ["plain_files", "missing_columns", "path_columns"] as const;

export const databaseInput: Check = {
  reads: [["input"]],
  *problems({ spec: { input } }) {
    const isDatabase = asList(input.from).some(isConnectionUrl);
    if (!isDatabase) {
      for (const key of ["table", "query", "params", "consistency"] as const)
        if (input[key] !== undefined)
          yield ofDatabases(["input", key], "`from` names files", "write `from: ${DATABASE_URL}`");
      return;
    }
    for (const key of keysOfFiles)
      if (input[key] !== undefined)
        yield atKey(
          ["input", key],
          "spec.not-files",
          `\`${key}\` is about files, and \`from\` is a database`,
          "remove it",
        );
    if (input.wait_for?.marker !== undefined)
      yield atKey(
        ["input", "wait_for", "marker"],
        "spec.not-files",
        "`marker` is about files, and `from` is a database",
        "remove it: the input is there when the query has rows",
      );
    if (typeof input.from !== "string") {
      yield wrong(
        ["input", "from"],
        "spec.one-database",
        "a database stands alone",
        "name it without a list",
      );
      return;
    }
    if (input.table === undefined && input.query === undefined)
      yield wrong(
        ["input"],
        "spec.incomplete",
        "`from` is a database: which rows of it?",
        "add `table: schema.name`, or `query:`",
      );
    if (input.table !== undefined && input.query !== undefined)
      yield atKey(
        ["input", "query"],
        "spec.table-or-query",
        "`table` and `query` exclude each other",
        "remove one",
      );
    if (input.params !== undefined && input.query === undefined)
      yield atKey(
        ["input", "params"],
        "spec.table-or-query",
        "`params` are values of a `query`",
        "remove it",
      );
    yield* badName(["input", "table"], input.table);
  },
};

const keysOfDatabases = [
  "table",
  "key",
  "create",
  "on_missing",
  "quarantine",
  "timestamps",
  "layout",
] as const;

export const filesOutput: Check = {
  reads: ["to", "mode", ...keysOfDatabases].map((key) => ["write", key]),
  *problems({ spec: { write } }) {
    if (isConnectionUrl(write.to)) return;
    for (const key of keysOfDatabases)
      if (write[key] !== undefined)
        yield ofDatabases(["write", key], "`to` is a path", "write `to: ${DATABASE_URL}`");
    if (write.mode === "upsert")
      yield wrong(
        ["write", "mode"],
        "spec.not-a-database",
        "rows of files are not replaced by key",
        "use `append`, where scoring an interval again replaces its rows, or `replace`",
      );
  },
};

export const databaseOutput: Check = {
  reads: [["write"], ["input"]],
  *problems({ spec: { input, write } }) {
    if (!isConnectionUrl(write.to)) return;
    if (write.table === undefined)
      yield wrong(
        ["write"],
        "spec.incomplete",
        "`to` is a database: which table of it?",
        "add `table: schema.name`",
      );
    yield* badName(["write", "table"], write.table);
    yield* badName(["write", "quarantine", "table"], write.quarantine?.table);
    if (write.mode === "upsert" && write.key === undefined && input.key === undefined)
      yield wrong(
        ["write", "mode"],
        "spec.upsert-without-key",
        "`upsert` replaces rows by key, and there is no key",
        "add `key:` here, or `input.key`",
      );
    if (write.on_missing !== undefined && write.mode !== "upsert")
      yield atKey(
        ["write", "on_missing"],
        "spec.unused-key",
        "`on_missing` means nothing without `mode: upsert`",
        "remove it",
      );
    if (write.key !== undefined && write.mode !== "upsert" && write.create !== true)
      yield atKey(
        ["write", "key"],
        "spec.unused-key",
        "`key` means nothing without `mode: upsert` or `create: true`",
        "remove it",
      );
    const exploded = Object.entries(write.layout ?? {}).filter(([, layout]) => layout === "explode");
    for (const [column] of exploded.slice(1))
      yield wrong(
        ["write", "layout", column],
        "spec.two-exploded",
        "only one column can become a row for each element",
        "choose `jsonb` or `array` for the others",
      );
    if (input.from === write.to && input.table !== undefined && sameTable(input.table, write.table ?? ""))
      yield wrong(
        ["write", "table"],
        "spec.output-in-input",
        "the next run would read this output as its input",
        "write to another table",
      );
  },
};

function* badName(path: SpecPath, name: string | undefined): Iterable<Problem> {
  if (name === undefined || parseTableName(name) !== null) return;
  yield wrong(
    path,
    "spec.table-name",
    `\`${name}\` is no name of a table`,
    'write `schema.table`, each up to 63 bytes, with `"…"` around one that has a dot or a quote in it',
  );
}

function sameTable(a: string, b: string): boolean {
  const [first, second] = [parseTableName(a), parseTableName(b)];
  return first !== null && second !== null && tableText(first) === tableText(second);
}

function ofDatabases(path: SpecPath, why: string, suggestion: string): Problem {
  const message = `\`${String(path.at(-1))}\` belongs to a database, and ${why}`;
  return atKey(path, "spec.not-a-database", message, `${suggestion}, or remove it`);
}

function atKey(path: SpecPath, code: string, message: string, suggestion: string): Problem {
  return { ...wrong(path, code, message, suggestion), at: "key" };
}
