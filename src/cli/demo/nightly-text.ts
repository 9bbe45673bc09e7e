/** What `demo --nightly` prints: a line for each thing that happens, with the time on its clock. */

import { sumRows } from "../../job/partition.js";
import type { TickProgress } from "../../ledgers/schedule-store.js";
import type { RunEnd } from "../../observers/observer.js";
import { count, duration } from "../../text/human.js";
import type { Clock } from "../../time/clock.js";
import { renderPairs } from "../output/table.js";
import { padEnd } from "../output/text-width.js";
import { equation } from "../running/outcome-text.js";
import type { Cli } from "../shell/context.js";
import { firstDay, lateDay } from "./nightly-project.js";
import type { Told } from "./webhook-receiver.js";

export interface NightlyText {
  beginning(): void;
  tick(job: string, at: string): void;
  ended(end: RunEnd): void;
  webhook(told: Told): void;
  waiting(progress: TickProgress, directory: string): void;
  arrived(day: string, where: string): void;
  /** As the user types it. */
  command(text: string): void;
  space(): void;
  end(ends: readonly RunEnd[]): void;
  alreadyThere(): void;
}

/** @param directory that paths are shown without */
export function nightlyText(
  { err, out, globals, program }: Cli,
  clock: Clock,
  folder: string,
  directory: string,
): NightlyText {
  const { paint } = err;
  const say = (text: string): void => {
    if (!globals.json && !globals.quiet) err.line(text);
  };
  const json = (type: string, fields: object): void => {
    if (globals.json) out.line(JSON.stringify({ type, at: clock.now().toISOString(), ...fields }));
  };
  const line = (what: string, text: string): void =>
    say(
      `${paint.dim(clock.now().toISOString().slice(0, 16).replace("T", " "))}  ${padEnd(what, 9)}  ${text}`,
    );

  return {
    beginning() {
      say(paint.bold("Two nights of nightshift serve, on a clock that jumps"));
      say(
        "Every night at 02:15 a scikit-learn model scores the flights of the day before. Its input comes late.",
      );
      say(paint.dim(`The job: ${folder}/jobs/flight-delay.yaml`));
      say("");
    },
    tick: (job, at) => line("tick", `${job}, the flights of ${dayBefore(at)}`),
    ended(end) {
      json("run.ended", end);
      if (end.status === "published")
        line(paint.green("published"), `${count(end.rows.read)} flights, ${duration(end.seconds)}`);
      else line(paint.red(end.status), (end.error?.message ?? "").replaceAll(`${directory}/`, ""));
    },
    webhook(told) {
      json("webhook.told", { notice: told });
      line(paint.cyan("webhook"), told.text);
    },
    waiting({ until, reason }, directory) {
      json("tick.waiting", { until, reason });
      const limit = until === null ? "" : `; waits until ${until.slice(11, 16)}`;
      line(paint.yellow("waiting"), `${reason.message.replaceAll(`${directory}/`, "")}${limit}`);
    },
    arrived(day, where) {
      json("input.arrived", { day, where });
      line("input", `the flights of ${day} arrive: ${where}/`);
    },
    command: (text) => say(`${" ".repeat(18)}${paint.bold(`$ nightshift ${text}`)}`),
    space: () => say(""),
    end(ends) {
      const rows = sumRows(ends.filter(({ status }) => status === "published").map((end) => end.rows));
      const pairs = [
        ["rows in", equation(rows)],
        ["output", `${folder}/out/flight-delay/, the flights of ${firstDay} and ${lateDay}`],
        ["next", nextSteps(folder, program, paint.dim)],
      ] as const;
      say(`\n${renderPairs(pairs, paint, err.width)}`);
    },
    alreadyThere() {
      json("demo.already-there", { folder });
      say(`${folder}/ is there already: its two nights are over. Remove it to see them again.`);
    },
  };
}

function nextSteps(folder: string, program: string, dim: (text: string) => string): string {
  const steps = [
    [`cd ${folder}`, "yours to play with"],
    [`${program} ls ticks`, "what became of each night, and why"],
    [`${program} status --job flight-delay --to ${lateDay}`, "its intervals as a grid"],
    [`${program} files flight-delay`, "what is published"],
  ] as const;
  const width = Math.max(...steps.map(([text]) => text.length));
  return steps.map(([text, meaning]) => `${padEnd(text, width)}  ${dim(meaning)}`).join("\n");
}

function dayBefore(instant: string): string {
  return new Date(Date.parse(instant) - 86_400_000).toISOString().slice(0, 10);
}
