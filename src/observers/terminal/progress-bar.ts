import type { Progress } from "../../job/run-events.js";
import { count, counted, duration, percent, rowRate, timeLeft } from "../../text/human.js";
import { indented } from "../../text/visible-text.js";
import type { Clock } from "../../time/clock.js";
import type { Observer } from "../observer.js";
import { eventLines, isSaid, type Lines } from "./event-lines.js";
import { firstView, nextView, type RunView, shownProgress } from "./run-view.js";
import type { Emphasis, Screen, Ticker } from "./screen.js";

export interface ProgressBarOptions {
  readonly screen: Screen;
  readonly emphasis: Emphasis;
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly lines: Lines;
  /** Text before the line; may be empty. */
  readonly label: string;
}

const redrawEveryMs = 100;
/** Number of cells that stay free at the end of the line. */
const edge = 3;
const barCells = { least: 12, most: 40 };

/** Draws one line repeatedly, below permanent lines. For terminals. */
export function progressBar(options: ProgressBarOptions): Observer {
  const { screen, emphasis, clock, ticker, lines } = options;
  const label = options.label === "" ? "" : `${options.label}  `;
  let view = firstView;
  const startedMs = clock.monotonicMs();
  const draw = () => {
    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    if (view.phase === "ended") return;
    screen.status(label + statusLine(view, seconds, screen.width - label.length, emphasis));
  };
  const stopTicking = ticker(redrawEveryMs, draw);
  draw();
  return {
    on(event) {
      for (const line of eventLines(event).filter((line) => isSaid(line, lines))) {
        const text = indented(line.text);
        screen.line(line.level === "warning" ? emphasis.yellow(`warning: ${text}`) : emphasis.dim(text));
      }
      const { phase } = view;
      view = nextView(view, event);
      if (view.phase === "ended") screen.clear();
      else if (view.phase !== phase) draw();
    },
    close() {
      stopTicking();
      screen.clear();
    },
  };
}

/** Returns the text of the bar, in at most `width` cells. */
function statusLine(view: RunView, seconds: number, width: number, emphasis: Emphasis): string {
  const progress = shownProgress(view);
  if (view.phase === "planning" || progress === null) return `planning  ${emphasis.dim(elapsed(seconds))}`;
  if (view.phase === "publishing")
    return `publishing ${counted(progress.rowsDone, "row")}  ${emphasis.dim(elapsed(seconds))}`;

  const fraction = progress.rowsTotal === 0 ? 1 : Math.min(1, progress.rowsDone / progress.rowsTotal);
  const segments = fitting(segmentsOf(progress, fraction), width - edge - barCells.least);
  const text = segments.map((segment) => segment.text).join("  ");
  const cells = Math.min(barCells.most, width - edge - 2 - text.length);
  if (cells < barCells.least) return text.slice(0, width - edge);
  const painted = segments.map(({ text, style }) => (style === undefined ? text : emphasis[style](text)));
  return [bar(fraction, cells, emphasis), ...painted].join("  ");
}

interface Segment {
  readonly text: string;
  readonly style?: keyof Emphasis;
  /** In a narrow window, segments with the highest value are omitted first. */
  readonly expendable: number;
}

function segmentsOf(progress: Progress, fraction: number): readonly Segment[] {
  const segments: Segment[] = [
    { text: percent(fraction).padStart(4), expendable: 0 },
    { text: `${count(progress.rowsDone)} of ${count(progress.rowsTotal)} rows`, expendable: 1 },
  ];
  if (progress.rowsPerSecond > 0) segments.push({ text: rowRate(progress.rowsPerSecond), expendable: 4 });
  if (progress.secondsLeft !== null)
    segments.push({ text: `${timeLeft(progress.secondsLeft)} left`, expendable: 2 });
  if (progress.quarantined > 0)
    segments.push({ text: `${count(progress.quarantined)} quarantined`, style: "yellow", expendable: 3 });
  if (progress.limitingStep !== null)
    segments.push({ text: `mostly ${progress.limitingStep}`, style: "dim", expendable: 5 });
  return segments;
}

/** Omits the most expendable segments until the rest fits into `width` cells. */
function fitting(segments: readonly Segment[], width: number): readonly Segment[] {
  const cells = segments.reduce((sum, segment) => sum + segment.text.length + 2, 0);
  if (cells <= width || segments.length <= 1) return segments;
  const most = Math.max(...segments.map((segment) => segment.expendable));
  return fitting(
    segments.filter((segment) => segment.expendable !== most),
    width,
  );
}

function bar(fraction: number, cells: number, emphasis: Emphasis): string {
  const full = Math.floor(fraction * cells);
  return emphasis.green("━".repeat(full)) + emphasis.dim("─".repeat(cells - full));
}

function elapsed(seconds: number): string {
  return seconds < 1 ? "" : duration(Math.floor(seconds)).replace(/\.\d+ s/, "s");
}
