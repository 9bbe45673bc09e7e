/** A small project whose job has hooks: the week's flights, the flight-delay model, and modules given as text. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Finished, nightshift } from "./nightshift.js";
import { readRows } from "./published-rows.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));

export interface HookProject {
  readonly root: string;
  write(path: string, text: string): void;
  cli(...argv: readonly string[]): Finished;
  /** What `run --json` says at its end. */
  outcome(job: string, ...more: readonly string[]): RunEnd;
  /** The digest of what is published, file by file. */
  digests(output: string): readonly string[];
  /** Rows of an output in its order. */
  rows(output: string): Promise<readonly Record<string, unknown>[]>;
  remove(): void;
}

export interface RunEnd {
  readonly status: string;
  readonly rows: { readonly read: number; readonly predicted: number; readonly filtered: number };
}

export function makeHookProject(): HookProject {
  const root = mkdtempSync(join(tmpdir(), "nightshift-hooks-"));
  symlinkSync(join(repository, "fixtures"), join(root, "fixtures"));
  const files = (output: string): readonly { readonly path: string; readonly sha256: string }[] =>
    JSON.parse(project.cli("files", output, "--json").stdout).files;
  const project: HookProject = {
    root,
    write(path, text) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    cli: (...argv) => nightshift(root, ...argv),
    outcome(job, ...more) {
      const { stdout, stderr } = project.cli("run", job, "--json", ...more);
      const last = stdout.trimEnd().split("\n").at(-1) ?? "";
      if (last === "") throw new Error(stderr);
      return JSON.parse(last);
    },
    digests: (output) => files(output).map(({ sha256 }) => sha256),
    async rows(output) {
      const rows: Record<string, unknown>[] = [];
      for (const { path } of files(output)) rows.push(...(await readRows(path)));
      return rows;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  return project;
}

/** The files of a document's examples: a fenced block under a line that is nothing but its bold path. */
export function examplesIn(document: string): readonly { readonly path: string; readonly text: string }[] {
  const text = readFileSync(join(repository, document), "utf8");
  return [...text.matchAll(/^\*\*`([\w./-]+)`\*\*\n\n```\w+\n([\s\S]*?)^```$/gm)].map(
    ([, path = "", body = ""]) => ({
      path,
      text: body,
    }),
  );
}

/** A job over one day (17,141 rows in three row groups), with sections of a test's own. */
export function dayJob(name: string, ...sections: readonly string[]): string {
  return `version: 1
name: ${name}
model: ../fixtures/models/flight-delay.onnx
input: { from: "../fixtures/flights/dt=2001-06-11/*.parquet", key: [flight_id] }
features:
  float_input: { stack: [distance, { column: date, part: hour }, { column: date, part: dow }] }
  origin: { column: origin }
outputs:
  output_label: { column: is_late }
  output_probability: { columns: { p_late: "1" } }
write: { to: ../out/${name}, mode: replace }
${sections.join("\n")}
`;
}
