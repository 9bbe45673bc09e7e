/** Intervals as a grid of single characters: a line for each stretch that people think in. */

import type { Interval } from "../../job/job.js";
import type { IntervalStanding } from "../../service/decide-intervals.js";
import { count } from "../../text/human.js";
import type { Every } from "../../time/interval.js";
import type { Paint } from "./paint.js";
import { padEnd } from "./text-width.js";

export type CellState = IntervalStanding | "quarantined" | "skipped" | "waiting" | "retrying";

export interface GridCell {
  readonly interval: Interval;
  readonly state: CellState;
}

/** Told apart without colours, too. */
const marks: { readonly [state in CellState]: string } = {
  published: "■",
  quarantined: "▣",
  failed: "x",
  cancelled: "/",
  interrupted: "~",
  running: ">",
  waiting: "w",
  retrying: "w",
  missing: "·",
  skipped: "-",
  "not over": "…",
};

/** Cells of a line: hours of a day, days of a month, weeks and months of a year. */
const widths: { readonly [every in Every]: number } = { hour: 24, day: 31, week: 53, month: 12 };

/** A longer series of empty lines is shortened to one. */
const leastFolded = 4;

export function intervalGrid(every: Every, cells: readonly GridCell[], paint: Paint): string {
  const lines = linesOf(every, cells);
  const labels = Math.max(...lines.map(({ label }) => label.length));
  const rows = stretchesOf(lines).flatMap((stretch) => {
    const [first, last] = [stretch[0], stretch.at(-1)];
    if (first === undefined || last === undefined || stretch.length < leastFolded)
      return stretch.map((line) => lineText(every, line, labels, paint));
    const missing = stretch.reduce((sum, { states }) => sum + present(states).length, 0);
    return paint.dim(`${padEnd("…", labels)}  ${first.label} to ${last.label}: ${count(missing)} missing`);
  });
  const legend = (Object.keys(marks) as CellState[]).flatMap((state) => {
    const number = cells.filter((cell) => cell.state === state).length;
    return number === 0 ? [] : [`${colour(state, paint)} ${count(number)} ${state}`];
  });
  return [...rows, "", legend.join("   ")].join("\n");
}

interface Line {
  readonly label: string;
  /** By place; not every place has an interval. */
  readonly states: readonly (CellState | undefined)[];
}

function linesOf(every: Every, cells: readonly GridCell[]): readonly Line[] {
  const lines = new Map<string, (CellState | undefined)[]>();
  for (const { interval, state } of cells) {
    const states = lines.get(lineOf(every, interval)) ?? [];
    lines.set(lineOf(every, interval), states);
    // A place that is taken (an hour that comes twice) moves on to the next one.
    let place = placeOf(every, interval);
    while (states[place] !== undefined) place += 1;
    states[place] = state;
  }
  return [...lines].map(([label, states]) => ({ label, states: Array.from(states) }));
}

/** Lines on which nothing ever ran are kept together, all others stand alone. */
function stretchesOf(lines: readonly Line[]): readonly (readonly Line[])[] {
  const stretches: Line[][] = [];
  for (const line of lines) {
    const before = stretches.at(-1);
    if (isMissing(line) && before?.every(isMissing) === true) before.push(line);
    else stretches.push([line]);
  }
  return stretches;
}

function isMissing({ states }: Line): boolean {
  return present(states).every((state) => state === "missing");
}

function present(states: Line["states"]): readonly CellState[] {
  return states.filter((state) => state !== undefined);
}

function lineText(every: Every, { label, states }: Line, labels: number, paint: Paint): string {
  const places = Math.max(widths[every], states.length);
  const row = Array.from({ length: places }, (_, place) => {
    const state = states[place];
    return state === undefined ? " " : colour(state, paint);
  });
  return `${paint.dim(padEnd(label, labels))}  ${row.join("")}`.trimEnd();
}

function lineOf(every: Every, { ds, start }: Interval): string {
  if (every === "day") return ds.slice(0, 7);
  if (every === "hour") return start.slice(0, 10);
  return ds.slice(0, 4);
}

function placeOf(every: Every, { ds, start }: Interval): number {
  switch (every) {
    case "hour":
      return Number(start.slice(11, 13));
    case "day":
      return Number(ds.slice(8, 10)) - 1;
    case "week":
      return Math.floor((Date.parse(ds) - Date.parse(`${ds.slice(0, 4)}-01-01`)) / (7 * 86_400_000));
    case "month":
      return Number(ds.slice(5, 7)) - 1;
  }
}

function colour(state: CellState, paint: Paint): string {
  const mark = marks[state];
  switch (state) {
    case "published":
      return paint.green(mark);
    case "quarantined":
    case "cancelled":
    case "interrupted":
      return paint.yellow(mark);
    case "failed":
      return paint.red(mark);
    case "running":
      return paint.cyan(mark);
    default:
      return paint.dim(mark);
  }
}
