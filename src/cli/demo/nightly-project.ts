/** The folder of `demo --nightly`: a job with a schedule, a model, and two days of flights that arrive while it runs. */
import { cpSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { packagedPath } from "../../wiring/packaged.js";

/** Its flights come half an hour late, while the tick waits for them. */
export const firstDay = "2001-06-11";
/** Its flights come after the tick has failed. */
export const lateDay = "2001-06-12";

const flightsOf = (day: string): string => `fixtures/flights/dt=${day}`;

export function makeNightlyProject(directory: string): void {
  const shipped = ["schema/job.v1.json", "fixtures/models/flight-delay.onnx"];
  for (const path of shipped) copy(path, join(directory, path));
  for (const day of [firstDay, lateDay]) copy(flightsOf(day), join(directory, "upload", day));
  mkdirSync(join(directory, "jobs"), { recursive: true });
  writeFileSync(join(directory, "jobs/flight-delay.yaml"), job);
}

/** Puts a day's flights where the job looks for them. @returns where, below the folder */
export function upload(directory: string, day: string): string {
  const to = flightsOf(day);
  mkdirSync(dirname(join(directory, to)), { recursive: true });
  renameSync(join(directory, "upload", day), join(directory, to));
  return to;
}

function copy(path: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(packagedPath(path), to, { recursive: true });
}

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
const job = `# yaml-language-server: $schema=../schema/job.v1.json
# Scores the flights of the day before, every night at 02:15. Waits two hours for flights that are late, then fails;
# notifies the webhook of both.
version: 1
name: flight-delay
model: ../fixtures/models/flight-delay.onnx
input:
  from: ../fixtures/flights/dt={{ ds }}/*.parquet
  key: [flight_id]
  wait_for: { timeout: 2h, poll: 5m }
features:
  float_input:
    stack: [distance, { column: date, part: hour }, { column: date, part: dow }]
    nulls: nan
  origin: { column: origin }
outputs:
  output_label: { column: is_late }
  output_probability: { columns: { p_late: "1" } }
passthrough: [date, destination]
write: { to: ../out/flight-delay, mode: append }
intervals: { every: day, start: ${firstDay} }
schedule: { cron: "15 2 * * *", retries: { max: 3, delay: 10m } }
notify: { webhook: "\${NIGHTLY_WEBHOOK:-}", deadline: "06:00" }
`;
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
