import { createScreen, type Screen } from "../../src/cli/output/screen.js";
import type { Ticker } from "../../src/observers/terminal/screen.js";
import type { Clock } from "../../src/time/clock.js";

/** A terminal that understands what {@link createScreen} writes, and shows what a person would see. */
export interface FakeTerminal {
  readonly screen: Screen;
  columns: number;
  /** Lines on the glass now. */
  seen(): readonly string[];
  cursorHidden(): boolean;
}

export function fakeTerminal(columns = 80): FakeTerminal {
  let lines = [""];
  let hidden = false;
  const stream = {
    columns,
    write(text: string) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one.
      for (const part of text.match(/\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+/g) ?? []) put(part);
      return true;
    },
  };
  function put(part: string): void {
    const last = lines.length - 1;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one.
    const up = /^\x1b\[(\d+)A$/.exec(part)?.[1];
    if (part === "\x1b[?25l") hidden = true;
    else if (part === "\x1b[?25h") hidden = false;
    else if (part === "\x1b[J") lines[last] = "";
    else if (up !== undefined) lines = lines.slice(0, lines.length - Number(up));
    else if (part === "\n") lines.push("");
    else if (part !== "\r" && !part.startsWith("\x1b")) lines[last] += part;
  }
  return {
    screen: createScreen(stream),
    get columns() {
      return stream.columns;
    },
    set columns(value) {
      stream.columns = value;
    },
    seen: () => lines,
    cursorHidden: () => hidden,
  };
}

/** Time that passes when told, and tickers that tick with it. */
export interface FakeTime {
  readonly clock: Clock;
  readonly ticker: Ticker;
  pass(ms: number): void;
  running(): number;
}

export function fakeTime(start = "2026-01-15T02:15:00.000Z"): FakeTime {
  let nowMs = 0;
  const timers = new Set<{ readonly everyMs: number; nextMs: number; readonly tick: () => void }>();
  return {
    clock: { now: () => new Date(Date.parse(start) + nowMs), monotonicMs: () => nowMs },
    ticker(everyMs, tick) {
      const timer = { everyMs, nextMs: nowMs + everyMs, tick };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass(ms) {
      const untilMs = nowMs + ms;
      while (nowMs < untilMs) {
        const next = Math.min(untilMs, ...[...timers].map((timer) => timer.nextMs));
        nowMs = next;
        for (const timer of timers)
          if (timer.nextMs <= nowMs) {
            timer.nextMs += timer.everyMs;
            timer.tick();
          }
      }
    },
    running: () => timers.size,
  };
}
