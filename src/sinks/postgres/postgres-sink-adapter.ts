/** Outputs that are tables of PostgreSQL in the table of adapters. */
import { isConnectionUrl, parseTableName, type TableName, tableText } from "../../job/connection.js";
import type { TablePlace } from "../../job/output.js";
import type { SinkAdapter, StagingParts } from "../adapter.js";
import type { PostgresWrite } from "./postgres-write.js";
import type { QuarantineDirectory } from "./quarantine-files.js";
import { keysIn, writeMistakes } from "./write-mistakes.js";

/** Connections that a coordinator holds to one database. */
const maxSessions = 4;

export const postgresSinkAdapter: SinkAdapter<PostgresWrite> = {
  name: "postgres",
  isNamedBy: isConnectionUrl,
  namesPaths: false,
  checked: [["write"], ["input"]],
  mistakes: writeMistakes,
  intervalKey: "table",
  parse(written, { absolute, connection, inputKey }) {
    if (connection === null) throw new Error("a database is taken out of a spec before it is parsed");
    const { table, mode, key, create, on_missing, quarantine, timestamps, layout, add } = keysIn(written);
    return {
      kind: "postgres",
      connection,
      table: tableOf(table),
      mode,
      key: key === undefined ? inputKey : [key].flat(),
      create: create ?? false,
      onMissing: on_missing ?? "keep",
      quarantine:
        quarantine === undefined
          ? null
          : quarantine.directory === undefined
            ? { kind: "table", table: tableOf(quarantine.table) }
            : { kind: "directory", path: absolute(quarantine.directory) },
      ...(timestamps === undefined ? {} : { timestamps }),
      layout: layout ?? {},
      partitionBy: written.partition_by ?? [],
      add,
    };
  },
  keysOf({ connection, table, mode, key, create, onMissing, quarantine, timestamps, layout }) {
    return {
      to: connection.template,
      table: tableText(table),
      mode,
      ...(mode === "upsert" || create ? { key } : {}),
      ...(create ? { create } : {}),
      ...(mode === "upsert" ? { on_missing: onMissing } : {}),
      ...(quarantine === null ? {} : { quarantine: quarantineKeys(quarantine) }),
      ...(timestamps === undefined ? {} : { timestamps }),
      ...(Object.keys(layout).length === 0 ? {} : { layout }),
    };
  },
  target: ({ connection, table }) => `${connection.address}/${tableText(table)}`,
  identity: ({ key, layout, timestamps }) => ({ key, layout, timestamps }),
  place: ({ quarantine }): TablePlace => ({
    is: "table",
    quarantine: quarantine?.kind === "table" ? tableText(quarantine.table) : "nightshift.quarantine",
    insteadOfFiles: "Query it; readers see whole publications only.",
    insteadOfVerify: "The server's checksums guard its rows: see pg_checksums and pg_amcheck.",
  }),
  stagingPath: ({ quarantine }) => (quarantine?.kind === "directory" ? quarantine.path : null),
  async open(write, { fileSystem, resolve, shared, onWait }) {
    const { postgresSink } = await import("./postgres-sink.js");
    const quarantine = await quarantineDirectory(write, fileSystem);
    const database = await shared(`postgres ${JSON.stringify(write.connection)}`, async () => {
      const { openDatabase } = await import("../../postgres/database.js");
      return openDatabase(await resolve(write.connection), { role: "coordinator", maxSessions });
    });
    return postgresSink({ database, write, quarantine, onWait });
  },
  async openStaging(write, { fileSystem, resolve, format }) {
    const { stagingPostgresSink } = await import("./staging-postgres-sink.js");
    const directory = await quarantineDirectory(write, fileSystem);
    const quarantine = directory === null ? null : { directory, format: await format() };
    return stagingPostgresSink({ url: await resolve(write.connection), write, quarantine });
  },
};

function tableOf(text: string | undefined): TableName {
  const table = parseTableName(text ?? "");
  if (table === null) throw new Error("a check lets names of tables through only");
  return table;
}

function quarantineKeys(quarantine: NonNullable<PostgresWrite["quarantine"]>): object {
  return quarantine.kind === "table"
    ? { table: tableText(quarantine.table) }
    : { directory: quarantine.path };
}

/** Where quarantined rows become files beside the table. */
async function quarantineDirectory(
  { quarantine }: PostgresWrite,
  fileSystem: StagingParts["fileSystem"],
): Promise<QuarantineDirectory | null> {
  if (quarantine?.kind !== "directory") return null;
  return { path: quarantine.path, fileSystem: await fileSystem() };
}
