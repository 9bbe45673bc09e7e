/**
 * The publication log on a disk: one file for each entry, linked to its number, and not rewritten while its
 * state is needed.
 */
import { join } from "node:path";
import { InfraError, SpecError } from "../../errors.js";
import type { FileSystem } from "../../stores/file-system.js";
import { begin, type Deciding, withAnswer, withHead } from "../publication-log/deciding.js";
import type { Intent } from "../publication-log/next-entry.js";
import { parseEntry } from "../publication-log/parse-entry.js";
import { compacted, type LogEntry } from "../publication-log/publication-log.js";
import { isRefusal } from "./durable-directories.js";
import { type Layout, numbered } from "./layout.js";

export interface PublicationRecord {
  /** Returns the newest entry that is visible now. */
  head(): Promise<LogEntry | null>;
  /** Returns the newest entry and makes sure that it survives a power cut. For callers that act on it. */
  durableHead(): Promise<LogEntry | null>;
  entry(seq: number): Promise<LogEntry | null>;
  /** Carries an intent through to the decision, by this process or another. @throws SpecError `refused.*` */
  decide(intent: Intent): Promise<Extract<Deciding, { step: "decided" }>>;
  /** Removes the state of an old entry. The entry keeps its number. */
  compact(entry: LogEntry): Promise<void>;
}

export function publicationRecord(
  fileSystem: FileSystem,
  layout: Layout,
  newId: () => string,
): PublicationRecord {
  const pathOf = (seq: number) => join(layout.log, `${numbered(seq)}.json`);

  async function entry(seq: number): Promise<LogEntry | null> {
    const bytes = await fileSystem.readFile(pathOf(seq));
    return bytes === null ? null : parseEntry(new TextDecoder().decode(bytes), seq);
  }

  async function highest(): Promise<number> {
    const names = (await fileSystem.list(layout.log)) ?? [];
    return names.reduce((seq, name) => Math.max(seq, numberOf(name)), 0);
  }

  async function head(): Promise<LogEntry | null> {
    for (let seq = await highest(); seq > 0; ) {
      const found = await entry(seq);
      if (found !== null && !found.compacted) return found;
      // Compacted since the listing: there are newer entries.
      const newer = await highest();
      if (newer === seq) throw headIsGone(pathOf(seq));
      seq = newer;
    }
    return null;
  }

  async function durableHead(): Promise<LogEntry | null> {
    const found = await head();
    // The process that put it may have died before it was durable, and the next entry builds on it.
    if (found !== null) await fileSystem.syncDirectory(layout.log);
    return found;
  }

  async function put(next: LogEntry): Promise<"put" | "taken" | "unknown"> {
    const finished = join(layout.scratch, `entry-${next.run.id}.${newId()}`);
    await fileSystem.writeFile(finished, serialised(next));
    const answer = await linkIfThere(finished, pathOf(next.seq));
    await fileSystem.unlink(finished);
    if (answer !== "linked") return answer === "exists" ? "taken" : "unknown";
    await fileSystem.syncDirectory(layout.log);
    return "put";
  }

  async function linkIfThere(from: string, to: string): Promise<"linked" | "exists" | "gone"> {
    try {
      return await fileSystem.link(from, to);
    } catch (error) {
      // Garbage collection may remove the scratch files of a run that was decided in the meantime.
      if (isRefusal(error, "infra.not-found") && (await fileSystem.stat(from)) === null) return "gone";
      throw error;
    }
  }

  return {
    head,
    durableHead,
    entry,
    async decide(intent) {
      for (let at: Deciding = begin(intent); ; ) {
        switch (at.step) {
          case "read-head":
            at = withHead(at.intent, await durableHead());
            break;
          case "put":
            at = withAnswer(at, await put(at.entry));
            break;
          case "refused":
            throw atTarget(layout, at.error);
          case "decided":
            return at;
        }
      }
    },
    async compact(old) {
      const finished = join(layout.scratch, `entry-${old.run.id}.${newId()}`);
      await fileSystem.writeFile(finished, serialised(compacted(old)));
      await fileSystem.rename(finished, pathOf(old.seq));
    },
  };
}

/** Adds the output's path to a refusal: the log itself does not know paths. */
export function atTarget({ to }: Layout, error: SpecError): SpecError {
  return new SpecError(error.code, `${to}: ${error.message}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    details: { path: to, ...error.details },
    cause: error,
  });
}

function serialised(entry: LogEntry): string {
  return `${JSON.stringify(entry, null, 1)}\n`;
}

function numberOf(name: string): number {
  return /^\d{20}\.json$/.test(name) ? Number.parseInt(name, 10) : 0;
}

function headIsGone(path: string): InfraError {
  return new InfraError(
    "infra.log-corrupt",
    `the newest entry of the publication log holds no state: ${path}`,
    {
      hint: "Restore the log from a backup: newer entries were removed from it.",
      details: { path },
    },
  );
}
