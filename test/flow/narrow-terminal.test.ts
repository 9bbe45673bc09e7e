/** Commands on a narrow terminal: lines break between words, commands to be copied stay whole. */
import { spawnSync } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type FlightProject, flightProject } from "../support/flight-project.js";
import { builtCli } from "../support/nightshift.js";

let project: FlightProject;

beforeAll(() => {
  // A row without an hour fails, so that `errors` and `status` have an error and a hint to show.
  project = flightProject({ files: 2, hour: (key) => (key === 77 ? null : BigInt(key % 24)) });
  onTerminal(80, "run", "flights");
}, 60_000);
afterAll(() => project.remove());

/** What a terminal of this width shows, line by line. */
function onTerminal(columns: number, ...argv: readonly string[]): readonly string[] {
  const command = [process.execPath, builtCli, ...argv].map((word) => `'${word}'`).join(" ");
  const { stdout } = spawnSync("script", ["-qec", `stty cols ${columns}; ${command}`, "/dev/null"], {
    cwd: project.cwd,
    encoding: "utf8",
    env: { ...process.env, TERM: "xterm", npm_command: undefined },
  });
  return stripVTControlCharacters(stdout.replaceAll("\r", "")).split("\n");
}

/** Cells that a label takes before its value. */
const label = 13;

/** A command, a digest or a line of a spec stays whole, and so does a word or a quoted piece that is longer than a line. */
function canBreak(line: string, columns: number): boolean {
  if (/(^| )(\S*node|nightshift) |[0-9a-f]{64}|^ +\w+: \{/.test(line)) return false;
  const words = line.match(/(?:`[^`]*`|[^\s`])+/g) ?? [];
  return words.every((word) => word.length <= columns - label);
}

test.each([60, 80, 120])(
  "plan, explain, status, errors and inspect fit %i columns",
  (columns) => {
    for (const argv of [
      ["plan", "flights"],
      ["explain", "flights"],
      ["status"],
      ["errors"],
      ["inspect", "model.onnx"],
    ]) {
      const lines = onTerminal(columns, ...argv);
      expect(lines.length).toBeGreaterThan(3);
      const tooLong = lines.filter((line) => line.length > columns && canBreak(line, columns));
      expect({ argv, tooLong }).toEqual({ argv, tooLong: [] });
    }
  },
  120_000,
);
