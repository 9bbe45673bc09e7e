/** A project with daily intervals: one small file of flights a day, and a job that scores the day it is asked for. */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flightModel, writeFlights } from "./flight-project.js";

export interface DailyProject {
  readonly cwd: string;
  readonly out: string;
  /** `2025-01-01`, … */
  readonly days: readonly string[];
  readonly rowsADay: number;
  readonly spec: string;
  inputPath(day: string): string;
  /** Keys of the day are `index * rowsADay`, … */
  writeDay(day: string): void;
  /** The job is `daily`; `more` are lines of the spec, `interval` is what comes behind `every: day, start`. */
  writeSpec(options?: SpecOptions): void;
  remove(): void;
}

export interface SpecOptions {
  readonly interval?: string;
  readonly write?: string;
  readonly more?: readonly string[];
}

const dayMs = 86_400_000;

export interface DailyOptions {
  readonly rowsADay?: number;
  /** Where the project's folder is made. */
  readonly place?: string;
}

/** @param from the first day */
export function dailyProject(from: string, days: number, options: DailyOptions = {}): DailyProject {
  const { rowsADay = 5, place = tmpdir() } = options;
  const cwd = realpathSync(mkdtempSync(join(place, "nightshift-daily-")));
  const first = Date.parse(`${from}T00:00:00Z`);
  const names = Array.from({ length: days }, (_, index) =>
    new Date(first + index * dayMs).toISOString().slice(0, 10),
  );
  const spec = join(cwd, "jobs/daily.yaml");
  const inputPath = (day: string): string => join(cwd, `input/dt=${day}/flights.parquet`);
  mkdirSync(join(cwd, "jobs"));
  cpSync(flightModel, join(cwd, "model.onnx"));
  const project: DailyProject = {
    cwd,
    out: join(cwd, "out"),
    days: names,
    rowsADay,
    spec,
    inputPath,
    writeDay(day) {
      mkdirSync(join(cwd, `input/dt=${day}`), { recursive: true });
      writeFlights(inputPath(day), { first: names.indexOf(day) * rowsADay, rows: rowsADay });
    },
    writeSpec({ interval = "", write = "{ to: ../out, mode: append }", more = [] } = {}) {
      writeFileSync(
        spec,
        [
          "version: 1",
          "name: daily",
          "model: ../model.onnx",
          'input: { from: "../input/dt={{ ds }}/*.parquet", key: [flight_id] }',
          `write: ${write}`,
          `intervals: { every: day, start: ${from}${interval} }`,
          "limits: { threads: 1 }",
          ...more,
          "",
        ].join("\n"),
      );
    },
    remove: () => rmSync(cwd, { recursive: true, force: true }),
  };
  for (const day of names) project.writeDay(day);
  project.writeSpec();
  return project;
}
