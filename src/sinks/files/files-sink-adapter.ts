// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
/** Outputs of local files in the table of adapters. */
import type { PathPlace } from "../../job/output.js";
import { wrong, wrongKey } from "../../job/spec-problem.js";
import { schemeOf } from "../../text/path-scheme.js";
import type { SinkAdapter } from "../adapter.js";
import type { FilesWrite } from "./files-write.js";

const keysOfDatabases = ["table", "key", "create", "on_missing", "quarantine", "timestamps", "layout"];

export const filesSinkAdapter: SinkAdapter<FilesWrite> = {
  name: "files",
  isNamedBy: (to) => schemeOf(to) === null,
  namesPaths: true,
  checked: ["to", "mode", ...keysOfDatabases].map((key) => ["write", key]),
  *mistakes(written) {
    for (const key of keysOfDatabases)
      if (written[key] !== undefined)
        yield wrongKey(
          ["write", key],
          "spec.not-a-database",
          `\`${key}\` belongs to a database, and \`to\` is a path`,
          "write `to: ${DATABASE_URL}`, or remove it",
        );
    if (written.mode === "upsert")
      yield wrong(
        ["write", "mode"],
        "spec.not-a-database",
        "rows of files are not replaced by key",
        "use `append`, where scoring an interval again replaces its rows, or `replace`",
      );
  },
  intervalKey: "to",
  parse({ to, mode, partition_by, add }, { absolute }) {
    if (mode === "upsert") throw new Error("a check lets `upsert` into databases only");
    return filesAt(absolute(to), { mode, partitionBy: partition_by ?? [], add });
  },
  keysOf: ({ to, mode }) => ({ to, mode }),
  target: ({ to }) => to,
  identity: () => ({}),
  place: ({ to, shape }): PathPlace => ({ is: "path", path: to, isDirectory: shape === "directory" }),
  stagingPath: ({ to }) => to,
  async open({ to, shape, mode, partitionBy }, { clock, newId, fileSystem, join }) {
    const { fileSink } = await import("./file-sink.js");
    return fileSink({ to, shape, mode, partitionBy, fileSystem: await fileSystem(), clock, newId, join });
  },
  async openStaging({ to, partitionBy }, { format, fileSystem }) {
    const { stagingFileSink } = await import("./staging-file-sink.js");
    return stagingFileSink({ to, partitionBy, format: await format(), fileSystem: await fileSystem() });
  },
};

/** An output at a path: one file if the path ends like one, else a directory. @param to absolute */
export function filesAt(
  to: string,
  {
    mode,
    partitionBy = [],
    add = {},
  }: Pick<FilesWrite, "mode"> & Partial<Pick<FilesWrite, "partitionBy" | "add">>,
): FilesWrite {
  const shape = to.endsWith(".parquet") ? "file" : "directory";
  return { kind: "files", to, shape, mode, partitionBy, add };
}
