/**
 * Which files a host's threads have open, as told by synchronous writes to a pipe: they outlive a process that dies in
 * native code, where a message posted from a thread would not.
 *
 * Lines: `+<path>` opened, `-<path>` closed; `+model <path>` being loaded, `+predict <path>` predicting, `-` at rest;
 * `+rows <attempt> <from> <to> <digest or ->` rows in a model call of an attempt, `-rows ...` when it has returned.
 */
import type { Readable, Writable } from "node:stream";
import type { RowsAtWork } from "./host.js";

const loading = "model ";
const predicting = "predict ";
const rowsMark = "rows ";

/** The last model call that an attempt noted, and how many have returned. */
export interface NotedCalls {
  readonly atWork: RowsAtWork | null;
  readonly returned: number;
}

/** Makes the two lines that stand around a model call. */
export function rowsLines(attemptId: string, { from, to, digest }: RowsAtWork): readonly [string, string] {
  const line = `${rowsMark}${attemptId} ${from} ${to} ${digest ?? "-"}`;
  return [`+${line}`, `-${line}`];
}

export class BreadcrumbTrail {
  private readonly open = new Map<string, number>();
  private readonly calls = new Map<string, NotedCalls>();
  private rest = "";

  constructor(pipe: Readable | Writable | null | undefined) {
    if (pipe == null || !("read" in pipe)) return;
    pipe.setEncoding("utf8").on("data", (text: string) => this.follow(text));
    // A host that dies takes its end of the pipe with it; that is no error of ours.
    pipe.on("error", () => undefined);
  }

  /** The one file of data that was open, `null` when none or several were: then nobody can tell. */
  get lastFile(): string | null {
    return this.only((what) => !what.startsWith(loading) && !what.startsWith(predicting));
  }

  /** The one model that was being loaded or, outside of partitions, predicted with. */
  get model(): string | null {
    const mark = this.isPredicting ? predicting : loading;
    return this.only((what) => what.startsWith(mark))?.slice(mark.length) ?? null;
  }

  /** A model was predicting, outside of partitions. */
  get isPredicting(): boolean {
    return [...this.open.keys()].some((what) => what.startsWith(predicting));
  }

  callsOf(attemptId: string): NotedCalls {
    return this.calls.get(attemptId) ?? { atWork: null, returned: 0 };
  }

  private only(isMeant: (what: string) => boolean): string | null {
    const [path, ...others] = [...this.open.keys()].filter(isMeant);
    return path !== undefined && others.length === 0 ? path : null;
  }

  private follow(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const path = line.slice(1);
      if (path.startsWith(rowsMark)) {
        this.followCall(line.startsWith("+"), path.slice(rowsMark.length));
        continue;
      }
      const count = (this.open.get(path) ?? 0) + (line.startsWith("+") ? 1 : -1);
      if (count > 0) this.open.set(path, count);
      else this.open.delete(path);
    }
  }

  private followCall(begins: boolean, call: string): void {
    const [attemptId = "", from, to, digest = "-"] = call.split(" ");
    const { returned } = this.callsOf(attemptId);
    const atWork = { from: Number(from), to: Number(to), digest: digest === "-" ? null : digest };
    this.calls.set(attemptId, begins ? { atWork, returned } : { atWork: null, returned: returned + 1 });
  }
}
