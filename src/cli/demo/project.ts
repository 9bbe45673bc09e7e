/** The demo's folder: a small project of its own, made of files that ship with the package. */
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packagedPath } from "../../wiring/packaged.js";

/** Laid out as in the package, so that the job's relative paths hold. */
const shipped = [
  "jobs/flight-delay.yaml",
  // Named by the first line of the job, for editors.
  "schema/job.v1.json",
  "fixtures/models/flight-delay.onnx",
  "fixtures/flights",
];

/** Copies missing files only: a user's changes in a demo folder stay. */
export function makeProject(directory: string): void {
  for (const path of shipped) {
    const to = join(directory, path);
    if (existsSync(to)) continue;
    mkdirSync(dirname(to), { recursive: true });
    cpSync(packagedPath(path), to, { recursive: true });
  }
}

/** Days that there are flights of, in order: the folders `dt=2001-06-11`, ... */
export function nightsIn(directory: string): readonly string[] {
  return readdirSync(join(directory, "fixtures/flights"))
    .flatMap((name) => /^dt=(\d{4}-\d\d-\d\d)$/.exec(name)?.[1] ?? [])
    .sort();
}

/** Writes the job for all flights, unless there is one. @returns its path */
export function addFullJob(directory: string): string {
  const path = join(directory, "jobs/all-flights.yaml");
  if (!existsSync(path)) writeFileSync(path, fullJob);
  return path;
}

const fullJob = `# All 3,000,000 flights of January to June 2001 in one run.
version: 1
name: all-flights
model: ../fixtures/models/flight-delay.onnx
input:
  from: ../data/flights-3m.parquet
features:
  float_input:
    stack: [distance, { column: date, part: hour }, { column: date, part: dow }]
    nulls: nan
  origin: { column: origin }
outputs:
  output_label: { column: is_late }
  output_probability:
    columns: { p_late: "1" }
passthrough: [date, origin, destination, delay]
write:
  to: ../out/all-flights
  mode: replace
`;
