/** Intervals as a grid of single characters: a line for each stretch that people think in. */
import type { IntervalStanding } from "../../backfill.js";
import type { Every } from "../../interval.js";
import type { Interval } from "../../job.js";
import type { Paint } from "./paint.js";
import { padEnd } from "./text-width.js";

export type CellState = IntervalStanding | "quarantined" | "skipped";

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
  missing: "·",
  skipped: "-",
  "not over": "…",
};

/** Cells of a line: hours of a day, days of a month, weeks and months of a year. */
const widths: { readonly [every in Every]: number } = { hour: 24, day: 31, week: 53, month: 12 };

export function intervalGrid(every: Every, cells: readonly GridCell[], paint: Paint): string {
  const lines = new Map<string, string[]>();
  for (const { interval, state } of cells) {
    const line = lines.get(lineOf(every, interval)) ?? [];
    lines.set(lineOf(every, interval), line);
    // A place that is taken (an hour that comes twice) moves on to the next one.
    let place = placeOf(every, interval);
    while (line[place] !== undefined) place += 1;
    line[place] = colour(state, paint);
  }
  const labels = Math.max(...[...lines.keys()].map((label) => label.length));
  const width = widths[every];
  const rows = [...lines].map(([label, line]) => {
    const row = Array.from({ length: Math.max(width, line.length) }, (_, place) => line[place] ?? " ");
    return `${paint.dim(padEnd(label, labels))}  ${row.join("")}`.trimEnd();
  });
  const present = (Object.keys(marks) as CellState[]).filter((state) => cells.some((c) => c.state === state));
  const legend = present.map((state) => {
    const number = cells.filter((cell) => cell.state === state).length;
    return `${colour(state, paint)} ${number} ${state}`;
  });
  return [...rows, "", legend.join("   ")].join("\n");
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
