import type { RunEvent } from "../../job/run-events.js";
import { count, counted, percent, rowRate, timeLeft } from "../../text/human.js";
import { indented } from "../../text/visible-text.js";
import type { Clock } from "../../time/clock.js";
import type { Observer } from "../observer.js";
import { type EventLine, eventLines, isSaid, type Lines } from "./event-lines.js";
import { firstView, nextView, type RunView, shownProgress } from "./run-view.js";
import type { Ticker } from "./screen.js";

export interface PlainProgressOptions {
  readonly write: (text: string) => void;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly lines: Lines;
  /** Formats one line of the run; by default the time in UTC and the text. */
  readonly lineText?: (at: Date, line: PlainLine) => string;
}

export interface PlainLine {
  readonly isWarning: boolean;
  readonly text: string;
  /** `null` before the run has begun. */
  readonly runId: string | null;
}

const lineEveryMs = 30_000;

/**
 * Writes a line at every change of state and every 30 seconds in between, each with its time in UTC. For
 * logs.
 */
export function plainProgress(options: PlainProgressOptions): Observer {
  const { write, clock, ticker, lines, lineText = textOf } = options;
  let view = firstView;
  let runId: string | null = null;
  let lastLineMs = clock.monotonicMs();
  const line = (text: string, isWarning = false) => {
    lastLineMs = clock.monotonicMs();
    write(`${lineText(clock.now(), { isWarning, text, runId })}\n`);
  };
  const stopTicking = ticker(1000, () => {
    if (view.phase !== "ended" && clock.monotonicMs() - lastLineMs >= lineEveryMs) line(progressLine(view));
  });
  return {
    on(event) {
      view = nextView(view, event);
      runId = event.runId;
      for (const said of [...eventLines(event), ...stateLines(event)].filter((said) => isSaid(said, lines)))
        line(said.text, said.level === "warning");
    },
    close: stopTicking,
  };
}

function textOf(at: Date, { isWarning, text }: PlainLine): string {
  return `${at.toISOString().slice(0, 19)}Z ${indented(isWarning ? `warning: ${text}` : text)}`;
}

/** State changes that a progress bar shows implicitly and a log must state. */
function stateLines(event: RunEvent): readonly EventLine[] {
  switch (event.type) {
    case "run.started":
      return event.resumed ? [] : [{ level: "info", text: `run ${event.runId} of ${event.job} started` }];
    case "run.publishing":
      return [{ level: "info", text: `publishing ${counted(event.rows.predicted, "row")}` }];
    case "run.published":
      return [{ level: "info", text: `published as publication ${event.publication}: ${event.target}` }];
    case "run.cancelled":
      return [{ level: "info", text: "stopped; accepted partitions are kept" }];
    default:
      return [];
  }
}

function progressLine(view: RunView): string {
  const progress = shownProgress(view);
  if (view.phase === "publishing") return "still publishing";
  if (progress === null) return "still planning";
  const { rowsDone, rowsTotal, rowsPerSecond, secondsLeft, quarantined, limitingStep } = progress;
  return [
    `${count(rowsDone)} of ${count(rowsTotal)} rows (${percent(rowsTotal === 0 ? 1 : rowsDone / rowsTotal)})`,
    rowsPerSecond > 0 ? rowRate(rowsPerSecond) : null,
    secondsLeft === null ? null : `${timeLeft(secondsLeft)} left`,
    quarantined > 0 ? `${count(quarantined)} quarantined` : null,
    limitingStep === null ? null : `mostly ${limitingStep}`,
  ]
    .filter((part) => part !== null)
    .join(", ");
}
