/** Shows the publication before the last ones again. May be repeated after the process died at any point. */
import { SpecError } from "../../errors.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { RollbackIntent } from "../publication-log/next-entry.js";
import { hiddenBy, type LogEntry } from "../publication-log/publication-log.js";
import { keptForRollback, type RolledBack } from "../sink.js";
import { assertStaged } from "./gather-files.js";
import type { Layout } from "./layout.js";
import type { PublicationRecord } from "./publication-record.js";
import type { VisibleOutput } from "./visible-output.js";

export interface RollBackOptions {
  readonly fileSystem: FileSystem;
  readonly layout: Layout;
  readonly record: PublicationRecord;
  readonly visible: VisibleOutput;
  /** Shows the state of the log and removes files that it supersedes. */
  readonly seeThrough: () => Promise<void>;
  readonly now: () => string;
}

/** @throws SpecError `refused.nothing-to-roll-back`, `refused.publication-moved` */
export async function rollBack(options: RollBackOptions, last: number): Promise<RolledBack> {
  const { record, now } = options;
  const head = await record.durableHead();
  const begun = await unfinished(options, head);
  if (begun !== null) return finish(options, begun);
  const { hide, show } = await publicationsToSwap(options, head, last);
  const { seq } = await record.decide({ action: "rollback", at: now(), hide, show });
  return finish(options, seq);
}

/** Finds a rollback that was decided and not completed: a repeated call completes it. */
async function unfinished(
  { record, visible }: RollBackOptions,
  head: LogEntry | null,
): Promise<number | null> {
  if (head === null || head.shownSince === null || (await visible.isSeenThrough(head))) return null;
  const latest = await record.entry(head.shownSince);
  return latest?.action === "rollback" ? latest.seq : null;
}

async function finish({ record, seeThrough }: RollBackOptions, seq: number): Promise<RolledBack> {
  await seeThrough();
  const entry = await record.entry(seq);
  const shown = entry?.publication ? await record.entry(entry.publication) : null;
  return {
    publication: seq,
    visibleRunId: shown?.run.id ?? null,
    hiddenRunIds: entry ? hiddenBy(entry) : [],
  };
}

async function publicationsToSwap(
  { fileSystem, layout, record }: RollBackOptions,
  head: LogEntry | null,
  last: number,
): Promise<Pick<RollbackIntent, "hide" | "show">> {
  if (head === null || head.publication === null) throw nothingBefore(layout, "nothing is published there");
  const hide: [number, ...number[]] = [head.publication];
  for (let above = head; ; ) {
    const { publication, beneath } = above;
    if (beneath === null) {
      throw nothingBefore(layout, `publication ${publication} is the first one, or what was before is gone`);
    }
    const show = await record.entry(beneath);
    const gone = `publication ${beneath}, the one before, is no longer stored`;
    if (show === null || show.compacted || hide.length > keptForRollback) throw nothingBefore(layout, gone);
    if (hide.length === last) {
      await assertStaged(fileSystem, layout, show.files).catch((cause: unknown) => {
        throw nothingBefore(layout, gone, cause);
      });
      return { hide, show };
    }
    hide.push(beneath);
    above = show;
  }
}

function nothingBefore(layout: Layout, why: string, cause?: unknown): SpecError {
  return new SpecError("refused.nothing-to-roll-back", `cannot roll back ${layout.to}: ${why}`, {
    hint: "Run the job again with --reprocess to publish again.",
    details: { path: layout.to },
    cause,
  });
}
