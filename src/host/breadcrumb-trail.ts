/**
 * Records which files a host's threads have open. The threads write synchronously to a pipe: the lines
 * survive a process that dies in native code, whereas a message posted from a thread may be lost.
 *
 * Lines: `+row <number> <file>` planning tries this row of a file alone; `+<path>` opened, `-<path>` closed; `+model <path>` loading, `+predict <path>` predicting, `-` idle;
 * `+rows <attempt> <from> <to> <digest or ->` an attempt starts a model call for these rows, `-rows ...` the
 * call has returned.
 */
import type { Readable, Writable } from "node:stream";
import type { NoteRow, RowPlace, RowsAtWork } from "./host.js";

const loading = "model ";
const predicting = "predict ";
const rowsMark = "rows ";
const rowMark = "row ";

/** The model call of an attempt that has not returned, and the number of calls that have. */
export interface NotedCalls {
  readonly atWork: RowsAtWork | null;
  readonly returned: number;
}

/** Builds the two lines to write before and after a model call. */
export function rowsLines(attemptId: string, { from, to, digest }: RowsAtWork): readonly [string, string] {
  const line = `${rowsMark}${attemptId} ${from} ${to} ${digest ?? "-"}`;
  return [`+${line}`, `-${line}`];
}

/** Returns what notes that a row is tried alone, outside of partitions. */
export function rowNotes(note: (line: string) => void): NoteRow {
  return ({ file, row }) => {
    const line = `${rowMark}${row} ${file}`;
    note(`+${line}`);
    return () => note(`-${line}`);
  };
}

export class BreadcrumbTrail {
  private readonly open = new Map<string, number>();
  private readonly calls = new Map<string, NotedCalls>();
  private rest = "";

  constructor(pipe: Readable | Writable | null | undefined) {
    if (pipe == null || !("read" in pipe)) return;
    pipe.setEncoding("utf8").on("data", (text: string) => this.follow(text));
    // A host that dies closes its end of the pipe; that is not an error here.
    pipe.on("error", () => undefined);
  }

  /**
   * The single data file that was open; `null` if none or several were, because then the cause is unknown.
   */
  get lastFile(): string | null {
    return this.only((what) => ![loading, predicting, rowMark].some((mark) => what.startsWith(mark)));
  }

  /** The row that was tried alone, outside of partitions. */
  get row(): RowPlace | null {
    const [, row, file] = /^row (\d+) (.*)$/s.exec(this.only((what) => what.startsWith(rowMark)) ?? "") ?? [];
    return row === undefined || file === undefined ? null : { file, row: Number(row) };
  }

  /**
   * The model that was being loaded or, outside of partitions, was predicting. `null` unless it is exactly
   * one.
   */
  get model(): string | null {
    const mark = this.isPredicting ? predicting : loading;
    return this.only((what) => what.startsWith(mark))?.slice(mark.length) ?? null;
  }

  /** Whether a model was predicting, outside of partitions. */
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
