/** Maps a place in a bundle to the author's file, line and column. */
import { SourceMap } from "node:module";
import { dirname, resolve } from "node:path";

export interface SourcePlace {
  /** Absolute. */
  readonly file: string;
  /** One-based. */
  readonly line: number;
  /** One-based. */
  readonly column: number;
  /** The line's text; `null` if the bundle does not contain it. */
  readonly text: string | null;
}

/** Finds the innermost stack frame of an error that is in the author's source. */
export type FindPlace = (thrown: unknown) => SourcePlace | null;

interface MapPayload {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

/**
 * @param scriptName the bundle's name in stack traces
 * @param path absolute path of the hook's source; other paths in the source map are relative to its directory
 */
export function placeFinder(code: string, scriptName: string, path: string): FindPlace {
  const encoded = /\/\/# sourceMappingURL=data:application\/json;base64,([\w+/=]+)\s*$/.exec(code)?.[1];
  if (encoded === undefined) return () => null;
  const payload = JSON.parse(Buffer.from(encoded, "base64").toString("utf8"));
  const map = new SourceMap(payload);
  const { sources, sourcesContent }: MapPayload = payload;

  return (thrown) => {
    const stack = thrown instanceof Error && typeof thrown.stack === "string" ? thrown.stack : "";
    for (const { line, column } of framesIn(stack, scriptName)) {
      const entry = map.findEntry(line - 1, column - 1);
      if (!("originalSource" in entry) || entry.originalSource === undefined) continue;
      const { originalSource, originalLine, originalColumn } = entry;
      const content = sourcesContent?.[sources.indexOf(originalSource)] ?? null;
      return {
        file: resolve(dirname(path), originalSource),
        line: originalLine + 1,
        column: originalColumn + 1,
        text: content?.split(/\r?\n/)[originalLine] ?? null,
      };
    }
    return null;
  };
}

function* framesIn(stack: string, scriptName: string) {
  for (let at = stack.indexOf(`${scriptName}:`); at >= 0; at = stack.indexOf(`${scriptName}:`, at + 1)) {
    const [, line, column] = /^:(\d+):(\d+)/.exec(stack.slice(at + scriptName.length)) ?? [];
    if (line !== undefined && column !== undefined) yield { line: Number(line), column: Number(column) };
  }
}
