/** Ways to publish, each with what readers may see on the way and must see at the end. */
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { NightshiftError } from "../../src/errors.js";
import type { Receipt } from "../../src/job/partition.js";
import { layoutOf } from "../../src/sinks/files/layout.js";
import type { LogEntry } from "../../src/sinks/publication-log/publication-log.js";
import type { FileSystem } from "../../src/stores/file-system.js";
import { type PartitionRows, readOutput, runOf, sinkFor, stageRun, type Target } from "./file-target.js";

type Mode = "error" | "replace" | "append";

interface Publication {
  readonly mode: Mode;
  readonly run: ReturnType<typeof runOf>;
  readonly rows: readonly PartitionRows[];
}

/** A run is published or aborted, or the last publication before is rolled back. */
type Last =
  | { readonly does: "commit" | "abort"; readonly publication: Publication }
  | { readonly does: "rollback" };

export interface Flow {
  readonly name: string;
  readonly output: string;
  readonly shape: "directory" | "file";
  readonly partitionBy: readonly string[];
  /** Published before the recording counts. */
  readonly before: readonly Publication[];
  /** What happens while it counts. */
  readonly last: Last;
  /** Readers may find nothing for a moment: a directory has to be replaced by a symlink. */
  readonly mayVanish?: boolean;
}

const fingerprint = "f".repeat(64);
const first: Publication = {
  mode: "replace",
  run: runOf("r1", { day: "2026-01-14" }),
  rows: [{ ids: [1, 2], quarantined: [7] }, { ids: [3] }],
};
const second: Publication = {
  mode: "replace",
  run: runOf("r2", { day: "2026-01-15" }),
  rows: [{ ids: [4] }, { ids: [5, 6], quarantined: [8, 9] }],
};
const inMode = (mode: Mode, publication: Publication): Publication => ({ ...publication, mode });
const onDay = (dt: string, publication: Publication): Publication => ({
  ...publication,
  rows: publication.rows.map((rows) => ({ ...rows, dt: [dt] })),
});

const commit = (publication: Publication): Last => ({ does: "commit", publication });
const rollback: Last = { does: "rollback" };
const directory = { output: "deep/down/out", shape: "directory", partitionBy: [] } as const;
const oneFile = { output: "deep/down/out.arrow", shape: "file", partitionBy: [] } as const;

export const flows: readonly Flow[] = [
  { ...directory, name: "mode error", before: [], last: commit(inMode("error", first)) },
  { ...directory, name: "mode replace, first", before: [], last: commit(first) },
  { ...directory, name: "mode replace, second", before: [first], last: commit(second) },
  {
    ...directory,
    name: "mode replace over a plain directory",
    before: [inMode("error", first)],
    last: commit(second),
    mayVanish: true,
  },
  {
    ...directory,
    name: "mode append",
    before: [inMode("append", first)],
    last: commit(inMode("append", second)),
  },
  {
    ...directory,
    name: "mode replace by partition",
    partitionBy: ["dt"],
    before: [onDay("2026-01-14", first)],
    last: commit(onDay("2026-01-15", second)),
  },
  { ...oneFile, name: "one file, first", before: [], last: commit(inMode("error", first)) },
  { ...oneFile, name: "one file, replaced", before: [inMode("error", first)], last: commit(second) },
  { ...directory, name: "rollback", before: [first, second], last: rollback },
  {
    ...directory,
    name: "rollback to a plain directory",
    before: [inMode("error", first), second],
    last: rollback,
  },
  { ...oneFile, name: "rollback of one file", before: [inMode("error", first), second], last: rollback },
  { ...directory, name: "abort", before: [first], last: { does: "abort", publication: second } },
];

export function targetOf(flow: Flow, root: string, fileSystem?: FileSystem): Target {
  const { shape, partitionBy } = flow;
  return {
    to: join(root, flow.output),
    shape,
    partitionBy,
    ...(fileSystem === undefined ? {} : { fileSystem }),
  };
}

/** Everything up to the moment when the last receipt was handed back. */
export async function prepare(flow: Flow, target: Target): Promise<readonly Receipt[]> {
  for (const { mode, run, rows } of flow.before) {
    const sink = sinkFor(target, mode);
    await sink.check(run);
    await sink.publish(run, fingerprint, await stageRun(target, run, rows));
  }
  if (flow.last.does === "rollback") return [];
  return stageRun(target, flow.last.publication.run, flow.last.publication.rows);
}

/** Does the last step; may be repeated after it died anywhere. */
export async function finish(flow: Flow, target: Target, receipts: readonly Receipt[]): Promise<void> {
  if (flow.last.does === "rollback") return rollBack(target);
  const { mode, run } = flow.last.publication;
  const sink = sinkFor(target, mode);
  const decision = flow.last.does === "abort" ? sink.abort(run) : sink.publish(run, fingerprint, receipts);
  if ((await decision).outcome !== flow.last.does) throw new Error("no other process decided");
}

async function rollBack(target: Target): Promise<void> {
  try {
    await sinkFor(target, "replace").rollback();
  } catch (error) {
    // Done already: there is nothing before the one that is visible again.
    const done = error instanceof NightshiftError && error.code === "refused.nothing-to-roll-back";
    if (!done || headOf(target)?.action !== "rollback") throw error;
  }
}

/** Rows by run, as a reader finds them; `null`: nothing is there. Throws at a part of a publication. */
export function see(flow: Flow, target: Target): string | null {
  if (lstatSync(target.to, { throwIfNoEntry: false }) === undefined) return null;
  if (flow.shape === "file") {
    const ids = tableFromIPC(readFileSync(target.to)).getChild("id");
    return JSON.stringify([...(ids ?? [])].map(Number));
  }
  if (!existsSync(join(target.to, "_SUCCESS"))) throw new Error("a part: no _SUCCESS");
  const files = readOutput(target.to);
  const manifest = JSON.parse(readFileSync(join(target.to, "_manifest.json"), "utf8")) as {
    files: { path: string; rows: number }[];
  };
  const listed = Object.fromEntries(manifest.files.map(({ path, rows }) => [path, rows]));
  const found = Object.fromEntries(Object.entries(files).map(([path, ids]) => [path, ids.length]));
  if (JSON.stringify(listed) !== JSON.stringify(found)) {
    throw new Error(`a part: ${JSON.stringify(found)} of ${JSON.stringify(listed)}`);
  }
  return JSON.stringify(Object.values(files).flat());
}

/** What `see` gives before and after the flow's last step. */
export function expected(flow: Flow): { readonly before: string | null; readonly after: string | null } {
  const { before, last } = flow;
  if (last.does === "rollback") return { before: seen(flow, before), after: seen(flow, before.slice(0, -1)) };
  if (last.does === "abort") return { before: seen(flow, before), after: seen(flow, before) };
  return { before: seen(flow, before), after: seen(flow, [...before, last.publication]) };
}

function seen(flow: Flow, publications: readonly Publication[]): string | null {
  if (publications.length === 0) return null;
  const last = publications.slice(-1);
  const together = flow.partitionBy.length > 0 || last[0]?.mode === "append" ? publications : last;
  return JSON.stringify(together.flatMap(({ rows }) => rows.flatMap(({ ids }) => ids)));
}

/** @throws where something is visible that the log does not name */
export function assertDecidedBeforeShown(flow: Flow, target: Target): void {
  const { before, after } = expected(flow);
  const shown = before !== after && see(flow, target) === after;
  if ((shown || quarantinedRows(flow, target) > 0) && !isDecided(flow, target)) {
    throw new Error("visible, but not in the log");
  }
}

export function isDecided(flow: Flow, target: Target): boolean {
  const head = headOf(target);
  if (flow.last.does === "rollback") return head?.action === "rollback";
  return head?.decided[flow.last.publication.run.id]?.outcome === flow.last.does;
}

/** Rows that lie in quarantine for the last run. */
export function quarantinedRows(flow: Flow, target: Target): number {
  if (flow.last.does === "rollback") return 0;
  const path = join(`${target.to}.quarantine`, flow.last.publication.run.id);
  if (!existsSync(path)) return 0;
  return readdirSync(path).reduce(
    (sum, name) => sum + tableFromIPC(readFileSync(join(path, name))).numRows,
    0,
  );
}

/** Rows that should. */
export function expectedQuarantine(flow: Flow): number {
  const rows = flow.last.does === "commit" ? flow.last.publication.rows : [];
  return rows.reduce((sum, { quarantined }) => sum + (quarantined?.length ?? 0), 0);
}

function headOf(target: Target): LogEntry | null {
  const log = layoutOf(target.to).log;
  const newest = existsSync(log) ? readdirSync(log).sort().at(-1) : undefined;
  return newest === undefined ? null : (JSON.parse(readFileSync(join(log, newest), "utf8")) as LogEntry);
}
