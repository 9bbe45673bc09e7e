import { jsonLines } from "../../observers/json-lines.js";
import type { Observer } from "../../observers/observer.js";
import type { Lines } from "../../observers/terminal/event-lines.js";
import { type PlainLine, plainProgress } from "../../observers/terminal/plain-progress.js";
import { progressBar } from "../../observers/terminal/progress-bar.js";
import type { Ticker } from "../../observers/terminal/screen.js";
import { logText } from "../../text/log-text.js";
import type { Cli, GlobalFlags } from "../shell/context.js";

export type ProgressKind = "bar" | "plain" | "events-on-stdout" | "events-on-stderr" | "none";

/**
 * `auto`: run events on stdout with `--json`, nothing with `--quiet`, a bar on a terminal, else plain lines. A wish
 * that was spelled out wins, and stdout then holds the outcome alone.
 */
export function chooseProgress(
  { progress, json, quiet }: Pick<GlobalFlags, "progress" | "json" | "quiet">,
  canAnimate: boolean,
): ProgressKind {
  if (progress === "json") return json ? "events-on-stdout" : "events-on-stderr";
  if (progress !== "auto") return progress;
  if (json) return "events-on-stdout";
  if (quiet) return "none";
  return canAnimate ? "bar" : "plain";
}

export interface ProgressLook {
  /** In front of the bar, where several runs follow each other. */
  readonly label?: string;
  /** What is said beside the numbers; the default follows `--verbose`. */
  readonly lines?: Lines;
}

export function runObservers(cli: Cli, look: ProgressLook = {}): readonly Observer[] {
  const { clock, err, out, screen, globals, canAnimate } = cli;
  const lines = globals.verbose ? "all" : (look.lines ?? "usual");
  switch (chooseProgress(globals, canAnimate)) {
    case "bar":
      return [
        progressBar({
          screen: {
            get width() {
              return screen.width;
            },
            // Names of columns and messages of servers: cleaned of control characters and secrets.
            line: (text) => err.line(text),
            status: (text) => screen.status(text),
            clear: () => screen.clear(),
          },
          ...{ emphasis: err.paint, clock, ticker, lines, label: look.label ?? "" },
        }),
      ];
    case "plain":
      return [
        plainProgress({
          ...{ write: err.write, clock, ticker, lines },
          ...(cli.isLogging() ? { lineText: progressLogText } : {}),
        }),
      ];
    case "events-on-stdout":
      return [jsonLines(out.write)];
    case "events-on-stderr":
      return [jsonLines(err.write)];
    default:
      return [];
  }
}

/** Returns the observers of a service's runs: lines or events only if the user asked for them, since a bar shows one run. */
export function serviceObservers(cli: Cli): readonly Observer[] {
  const { json, progress } = cli.globals;
  return json || progress === "json" || progress === "plain" ? runObservers(cli) : [];
}

/** A service runs several at a time: each line names its run. */
function progressLogText(at: Date, { isWarning, text, runId }: PlainLine): string {
  const level = isWarning ? "warn" : "info";
  return logText(at, { level, message: "run progress", fields: { run: runId, text } });
}

/** Drawing never keeps a process alive. */
const ticker: Ticker = (everyMs, tick) => {
  const timer = setInterval(tick, everyMs).unref();
  return () => clearInterval(timer);
};
