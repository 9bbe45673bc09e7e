/**
 * Which files a host's threads have open, as told by synchronous writes to a pipe: they outlive a process that dies in
 * native code, where a message posted from a thread would not.
 *
 * Lines: `+<path>` opened, `-<path>` closed; `+model <path>` at work, `-model <path>` at rest.
 */
import type { Readable, Writable } from "node:stream";

const modelMark = "model ";

export class BreadcrumbTrail {
  private readonly open = new Map<string, number>();
  private rest = "";

  constructor(pipe: Readable | Writable | null | undefined) {
    if (pipe == null || !("read" in pipe)) return;
    pipe.setEncoding("utf8").on("data", (text: string) => this.follow(text));
    // A host that dies takes its end of the pipe with it; that is no error of ours.
    pipe.on("error", () => undefined);
  }

  /** The one file of data that was open, `null` when none or several were: then nobody can tell. */
  get lastFile(): string | null {
    return this.only((what) => !what.startsWith(modelMark));
  }

  /** The one model that was being loaded or, outside of partitions, predicted with. */
  get model(): string | null {
    return this.only((what) => what.startsWith(modelMark))?.slice(modelMark.length) ?? null;
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
      const count = (this.open.get(path) ?? 0) + (line.startsWith("+") ? 1 : -1);
      if (count > 0) this.open.set(path, count);
      else this.open.delete(path);
    }
  }
}
