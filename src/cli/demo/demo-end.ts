import type { WriteSpec } from "../../job/output.js";
import { sumRows } from "../../job/partition.js";
import { shownTarget } from "../../service/paths.js";
import { bytes, counted, duration } from "../../text/human.js";
import type { Paint } from "../output/paint.js";
import { renderPairs, type TableOptions } from "../output/table.js";
import { padEnd } from "../output/text-width.js";
import { equation, type Followed, type Published, speedPair } from "../running/outcome-text.js";

export interface DemoEnd {
  readonly runs: readonly Followed[];
  readonly published: Published | null;
  readonly write: WriteSpec;
  readonly full: boolean;
}

export interface DemoPlace {
  readonly cwd: string;
  readonly program: string;
  readonly folder: string;
}

/** What the demo did, where it is, and what to paste next. */
export function demoEnd(
  { runs, published, write, full }: DemoEnd,
  place: DemoPlace,
  { paint, width }: TableOptions,
): string {
  const fresh = runs.filter(({ outcome }) => outcome.status === "published");
  const pairs: (readonly [string, string])[] = [];
  if (fresh.length > 0) {
    pairs.push(["rows in", equation(sumRows(fresh.map(({ outcome }) => outcome.rows)))]);
    const seconds = fresh.reduce((sum, { outcome }) => sum + outcome.seconds, 0);
    // A night is over before its threads are warm: rows a second would measure the start-up.
    const [only, ...others] = fresh;
    if (only !== undefined && others.length === 0) pairs.push(speedPair(only));
    else pairs.push(["time", `${counted(fresh.length, "run")} in ${duration(seconds)}`]);
  }
  const last = runs.at(-1)?.outcome;
  if (last?.status === "cancelled")
    pairs.push(["interrupted", `${counted(last.rows.read, "row")} are scored and kept`]);
  if (fresh.length === 0 && published !== null)
    pairs.push(["nothing ran", `every row is published once; remove ${place.folder}/ to start over`]);
  if (published !== null) {
    const size = bytes(published.files.reduce((sum, file) => sum + file.bytes, 0));
    pairs.push([
      "output",
      `${shownTarget(write, place.cwd)}/ (${counted(published.files.length, "file")}, ${size})`,
    ]);
  }
  pairs.push(["next", commandLines(published === null ? again(full, place) : steps(full, place), paint)]);
  return renderPairs(pairs, paint, width);
}

/** A command and what it shows. */
type Step = readonly [command: string, meaning: string];

function steps(full: boolean, { program, folder }: DemoPlace): readonly Step[] {
  const say = (line: string) => `${program} ${line}`;
  return full
    ? [
        [`cd ${folder}`, "yours to play with"],
        [say("status"), "the last run, as the ledger has it"],
        [say("run all-flights"), "says: already published"],
        [say("run all-flights --reprocess"), "scores again; readers see the old or the new, whole"],
      ]
    : [
        [`cd ${folder}`, "yours to play with"],
        [say("run flight-delay --at 2001-06-12"), "says: already published"],
        [say("run flight-delay --at 2001-06-12 --reprocess"), "scores that night again"],
        [say("ls runs"), "every run that there was"],
        [say("inspect fixtures/models/flight-delay.onnx"), "what the model wants"],
        [say("demo --full"), "3,000,000 flights"],
      ];
}

function again(full: boolean, { program }: DemoPlace): readonly Step[] {
  return [[`${program} demo${full ? " --full" : ""}`, "goes on where it stopped"]];
}

function commandLines(lines: readonly Step[], paint: Paint): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return lines.map(([command, meaning]) => `${padEnd(command, width)}  ${paint.dim(meaning)}`).join("\n");
}
