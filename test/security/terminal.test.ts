/** What data, models and servers call things moves no cursor, starts no line and turns no reading direction. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Float32, vectorFromArray } from "apache-arrow";
import { expect, test, vi } from "vitest";
import { openPrompt } from "../../src/cli/init/prompt.js";
import { errorText } from "../../src/cli/output/error-text.js";
import { noteLogText, noteText } from "../../src/cli/output/note.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { createScreen } from "../../src/cli/output/screen.js";
import { serveLine } from "../../src/cli/output/serve-text.js";
import { renderTable } from "../../src/cli/output/table.js";
import { runObservers } from "../../src/cli/running/progress.js";
import type { Cli } from "../../src/cli/shell/context.js";
import { workerEntry } from "../../src/cli/working/worker-text.js";
import { DataError } from "../../src/errors.js";
import { plainProgress } from "../../src/observers/terminal/plain-progress.js";
import { shownPath } from "../../src/service/paths.js";
import { logText } from "../../src/text/log-text.js";
import { indented, printable } from "../../src/text/visible-text.js";
import { systemClock } from "../../src/wiring/system-clock.js";
import { nightshift } from "../support/nightshift.js";
import { model, modelBytes, node, types, value } from "../support/onnx-models.js";
import { writeParquet } from "../support/parquet-rows.js";
import { planned } from "../support/run-events.js";
import { scratch } from "../support/scratch.js";

const evil = "a\u001b]52;c;ZXZpbA==\u0007\u009b2J\u202eb\n2026-01-01T00:00:00Z published to out-prod\r\u2028";
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const dangerous = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const plain = makePaint(false);

test("colours of this program are kept, everything else that a terminal obeys is not", () => {
  const paint = makePaint(true);
  for (const style of ["bold", "dim", "red", "green", "yellow", "cyan"] as const)
    expect(printable(paint[style]("x"))).toBe(paint[style]("x"));
  expect(printable(evil)).not.toMatch(dangerous);
  expect(printable("\u001b[8mhidden\u001b[2J")).not.toContain("\u001b");
});

test("JSON says the same after it was made printable", () => {
  const line = JSON.stringify({ [evil]: [evil, "\u007f"] }, null, 2);
  expect(JSON.parse(printable(line))).toEqual(JSON.parse(line));
  expect(printable(line)).not.toMatch(dangerous);
});

test("no text becomes a line of its own", () => {
  const columns = [{ title: evil }, { title: "b" }];
  const table = renderTable(columns, [[evil, evil]], { width: null, paint: plain });
  expect(table.split("\n")).toHaveLength(2);
  expect(table).not.toMatch(dangerous);
  expect(shownPath(join("/w", evil), "/w")).not.toMatch(/[\n\r]/);
  const error = new DataError("data.x", evil, { hint: evil, details: { file: evil } });
  const lines = printable(errorText(error, { paint: plain, width: null }, true)).split("\n");
  expect(lines.filter((line) => line.startsWith("2026"))).toEqual([]);
  const written: string[] = [];
  const progress = plainProgress({
    ...{ write: (text: string) => void written.push(text), clock: systemClock, lines: "all" },
    ticker: () => () => undefined,
  });
  progress.on({ type: "run.published", publication: 1, target: evil } as never);
  expect(
    written
      .join("")
      .trimEnd()
      .split("\n")
      .slice(1)
      .every((line) => line.startsWith("  ")),
  ).toBe(true);
  expect(indented("a\r\nb\u2028c")).toBe("a\n  b\n  c");
  const shown: string[] = [];
  createScreen({ write: (text) => shown.push(text), isTTY: true, columns: 500 }).status(evil);
  expect(shown.join("")).not.toContain("\n");
});

test("what the bar of a terminal leaves behind goes through the same cleaning as all other lines", () => {
  const cleaned: string[] = [];
  const raw: string[] = [];
  const { write, ...screen } = { ...createScreen({ write: () => true, isTTY: true }), write: () => true };
  const cli = {
    clock: systemClock,
    err: { paint: makePaint(true), line: (text: string) => void cleaned.push(text), write },
    out: { write },
    screen: { ...screen, line: (text: string) => void raw.push(text), status: () => undefined },
    globals: { progress: "bar", json: false, quiet: false, verbose: true },
    canAnimate: true,
  } as unknown as Cli;
  const [bar] = runObservers(cli);
  bar?.on({ ...planned, found: [evil], warnings: [`\u001b[31m${evil}`] } as never);
  bar?.close?.();
  expect(raw).toEqual([]);
  expect(cleaned.filter((text) => text.includes("published to out-prod"))).toHaveLength(2);
  for (const text of cleaned)
    expect(
      text
        .split("\n")
        .slice(1)
        .every((line) => line.startsWith("  ")),
    ).toBe(true);
  expect(cleaned.join("")).not.toContain("\u001b[31m");
});

test("data cannot use the colours of this program in errors and notes", () => {
  const red = "\u001b[31mthe run was published\u001b[39m";
  const error = new DataError("data.x", red, { hint: red });
  const paint = makePaint(false);
  expect(errorText(error, { paint, width: null }, true)).not.toContain("\u001b");
  expect(noteText({ level: "warn", message: "m", text: red }, paint)).not.toContain("\u001b");
});

test("a question shows no control character, and Tab offers none", async () => {
  let shown = "";
  const keyboard = new PassThrough();
  const output = new PassThrough().on("data", (text) => {
    shown += text;
  });
  const prompt = openPrompt({ input: keyboard, output, terminal: false, paint: plain });
  prompt.say(evil);
  const answer = prompt.ask({
    ...{ text: `${evil}?`, offered: evil, candidates: [evil, "b"] },
    refuse: (given) => (given === "b" ? evil : null),
  });
  keyboard.write("b\n");
  await vi.waitFor(() => expect(shown.split("? (")).toHaveLength(3));
  keyboard.write("\n");
  // What is offered is the name itself, shown safely.
  expect(await answer).toBe(evil);
  prompt.close();
  expect(shown).not.toMatch(dangerous);
  expect(shown).not.toMatch(/^2026/m);
});

test("an event of a service and of a worker is one line", () => {
  const at = new Date(0);
  const error = { code: "x.y", message: evil };
  const lines = [
    serveLine({ type: "spec.broken", path: join("/w", evil), kept: evil, error } as never, "/w", at),
    serveLine({ type: "serve.failed", error: new Error(evil) }, "/w", at),
    logText(at, workerEntry({ type: "ledger-failed", error: new Error(evil) } as never, true) as never),
    logText(at, workerEntry({ type: "host-died", cause: evil, reason: evil } as never, true) as never),
  ];
  lines.push(noteLogText({ level: "warn", message: "warning", text: evil }, at));
  for (const line of lines) expect(printable(line)).not.toMatch(/[\n\r\u2028]/);
  const note = printable(noteText({ level: "error", message: "m", text: evil }, plain)).split("\n");
  expect(note.slice(1).every((line) => line.startsWith("  "))).toBe(true);
});

test("inspect and preview of hostile names print no control character", async () => {
  const folder = scratch();
  mkdirSync(join(folder, "d"));
  const built = model(
    {
      node: [node({ op: "Identity", in: ["x"], out: ["y"] })],
      input: [value("x", types.FLOAT, ["N", 2])],
      output: [value("y", types.FLOAT, ["N", 2])],
    },
    { producerName: evil, metadataProps: [{ key: evil, value: evil }] },
  );
  writeFileSync(join(folder, "m.onnx"), modelBytes(built));
  const data = { [evil]: vectorFromArray([1], new Float32()), b: vectorFromArray([2], new Float32()) };
  writeFileSync(join(folder, "d/a.parquet"), await writeParquet(data));
  for (const argv of [["m.onnx"], ["d/a.parquet"]]) {
    const { stdout, stderr } = nightshift(folder, "inspect", ...argv);
    expect(stdout + stderr).not.toMatch(dangerous);
    expect(stdout).not.toMatch(/^2026/m);
  }
  const shown = JSON.parse(nightshift(folder, "inspect", "d/a.parquet", "--json").stdout);
  expect(JSON.stringify(shown)).toContain(JSON.stringify(evil).slice(1, -1));
});
