/** Colours that a command writes to a terminal arrive whole. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { flightModel, writeFlights } from "../support/flight-project.js";
import { nightshiftWith } from "../support/nightshift.js";

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-colours-"));
  mkdirSync(join(cwd, "jobs"));
  writeFlights(join(cwd, "d.parquet"), { first: 0, rows: 20, hour: (key) => (key === 7 ? null : 3n) });
  const spec = (name: string, more: string) =>
    writeFileSync(
      join(cwd, `jobs/${name}.yaml`),
      `version: 1\nname: ${name}\nmodel: ${flightModel}\ninput: { from: ../d.parquet }\nwrite: { to: ../out }\n${more}\n`,
    );
  spec("good", "limits: { on_row_error: quarantine }");
  spec("bad", "limts: {}\npassthrough: rst");
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

test.each([
  [["validate", "bad"], 2],
  [["run", "bad"], 2],
  [["validate", "good"], 0],
  [["plan", "good"], 0],
  [["preview", "good"], 0],
  [["run", "good"], 4],
  [["ls", "runs"], 0],
  [["ls", "jobs"], 0],
  [["status"], 0],
  [["errors"], 0],
  [["explain", "good"], 0],
  [["inspect", "d.parquet"], 0],
  [["inspect", flightModel], 0],
  [["run", "nothing"], 2],
  [["--help"], 0],
  [["run", "--help"], 0],
] as const)("%j", (argv, code) => {
  const { status, stdout, stderr } = nightshiftWith({ NO_COLOR: "", FORCE_COLOR: "1" }, cwd, ...argv);
  const shown = stdout + stderr;
  expect({ status, shown }).toMatchObject({ status: code });
  expect(shown).not.toContain("\ufffd");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for.
  const rest = shown.replaceAll(/\u001b\[\d+m/g, "");
  expect(rest).not.toContain("\u001b");
});
