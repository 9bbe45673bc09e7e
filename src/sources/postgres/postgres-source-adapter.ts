/** Inputs that are tables and queries of PostgreSQL in the table of adapters. */
import type { JsonValue } from "../../errors.js";
import { isConnectionUrl, parseTableName, type TableName, tableText } from "../../job/connection.js";
import type { WrittenInput } from "../../job/input.js";
import { badTableName, type Problem, wrong, wrongKey } from "../../job/spec-problem.js";
import { count } from "../../text/human.js";
import type { SourceAdapter } from "../adapter.js";
import type { Consistency, PostgresInput, PostgresPartition } from "./postgres-input.js";

export const postgresSourceAdapter: SourceAdapter<PostgresInput, PostgresPartition> = {
  name: "postgres",
  isNamedBy: isConnectionUrl,
  namesPaths: false,
  checked: [["input"]],
  mistakes,
  intervals: {
    keys: ["table", "params"],
    warning: "`input.params` name no interval (such as `{{ ds }}`): every interval scores the same rows",
  },
  parse(written, { connection }) {
    if (connection === null) throw new Error("a database is taken out of a spec before it is parsed");
    const { table, query, params = [], consistency = "snapshot" } = keysIn(written);
    const read =
      query === undefined
        ? ({ kind: "table", table: tableOf(table) } as const)
        : ({ kind: "query", text: query, params } as const);
    return { kind: "postgres", connection, read, consistency };
  },
  keysOf({ connection, read, consistency }) {
    const rows =
      read.kind === "table"
        ? { table: tableText(read.table) }
        : { query: read.text, ...(read.params.length === 0 ? {} : { params: read.params }) };
    return { from: connection.template, ...rows, consistency };
  },
  describe: inputText,
  shortName: inputText,
  noun: ({ read }) => read.kind,
  // The way to reach a database is not part of the identity; the database itself is.
  identity: ({ kind, connection, read, consistency }) => ({
    kind,
    address: connection.address,
    read,
    consistency,
  }),
  pinsFiles: false,
  emptyPartition: () => ({ index: 0, rows: 0, bytes: 0, peakBytes: 0, slices: [] }),
  // Statistics of the server are estimates.
  hasExactRows: ({ range }) => range === undefined,
  slicesOf: () => [],
  identitiesOf: ({ range }) => (range === undefined ? [] : [range.identity]),
  partitionNoun: "range",
  // Keys are values of rows, so they are not shown.
  describePartition({ range }) {
    switch (range?.by.kind) {
      case undefined:
        return "";
      case "key":
        return `by ${range.by.columns.join(", ")}`;
      case "blocks":
        return range.by.to === null
          ? `blocks from ${count(range.by.from)}`
          : `blocks ${count(range.by.from)} to ${count(range.by.to - 1)}`;
      case "share":
        return `share ${range.by.share + 1} of ${range.by.shares} of the copy`;
      case "whole":
        return "all rows";
    }
  },
  copiesIn: ({ connection, consistency }) =>
    consistency === "materialize" ? JSON.stringify(connection) : null,
  async open(input, { resolve }) {
    const { postgresSource } = await import("./postgres-source.js");
    return postgresSource({ input, url: await resolve(input.connection) });
  },
  async openKeeper(input, { resolve }) {
    const { inputKeeper } = await import("./keep-input.js");
    return inputKeeper(input, await resolve(input.connection));
  },
};

function* mistakes(written: WrittenInput): Iterable<Problem> {
  const { from, table, query, params, wait_for } = keysIn(written);
  for (const key of ["plain_files", "missing_columns", "path_columns"])
    if (written[key] !== undefined)
      yield wrongKey(
        ["input", key],
        "spec.not-files",
        `\`${key}\` is about files, and \`from\` is a database`,
        "remove it",
      );
  if (wait_for?.marker !== undefined)
    yield wrongKey(
      ["input", "wait_for", "marker"],
      "spec.not-files",
      "`marker` is about files, and `from` is a database",
      "remove it: the input is there when the query has rows",
    );
  if (typeof from !== "string") {
    yield wrong(
      ["input", "from"],
      "spec.one-database",
      "`from` takes one database URL, not a list",
      "write the URL without a list",
    );
    return;
  }
  if (table === undefined && query === undefined)
    yield wrong(
      ["input"],
      "spec.incomplete",
      "`from` is a database: `table` or `query` is required",
      "add `table: schema.name`, or `query:`",
    );
  if (table !== undefined && query !== undefined)
    yield wrongKey(
      ["input", "query"],
      "spec.table-or-query",
      "`table` and `query` exclude each other",
      "remove one",
    );
  if (params !== undefined && query === undefined)
    yield wrongKey(
      ["input", "params"],
      "spec.table-or-query",
      "`params` are values of a `query`",
      "remove it",
    );
  if (table !== undefined && parseTableName(table) === null) yield badTableName(["input", "table"], table);
}

function inputText({ connection, read }: PostgresInput): string {
  return read.kind === "table"
    ? `${connection.address}/${tableText(read.table)}`
    : `a query of ${connection.address}`;
}

/** Keys of `input` for a database. */
interface PostgresKeys extends WrittenInput {
  readonly table?: string;
  readonly query?: string;
  readonly params?: readonly JsonValue[];
  readonly consistency?: Consistency;
  readonly wait_for?: { readonly marker?: string };
}

/** The schema of specs has checked their types. */
function keysIn(written: WrittenInput): PostgresKeys {
  return written;
}

function tableOf(text: string | undefined): TableName {
  const table = parseTableName(text ?? "");
  if (table === null) throw new Error("a check lets names of tables through only");
  return table;
}
