import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describeInput, inputKind, inputKindNamed, registerInputKind } from "../../src/job/input.js";
import { outputKind, outputKindNamed, placeOf, registerOutputKind, targetOf } from "../../src/job/output.js";
import { sinkAdapter, sourceAdapter } from "../../src/registry.js";
import { jobWith } from "../support/jobs.js";
import { scratch } from "../support/scratch.js";

it("a job of version 0.1, which names no kind, reads and writes files", () => {
  const { input, write } = jobWith();
  const { kind: _, ...oldInput } = input;
  const { kind: __, ...oldWrite } = write;
  expect(describeInput(oldInput as typeof input)).toBe("/data");
  expect(targetOf(oldWrite as typeof write)).toBe("/out");
  expect(placeOf(oldWrite as typeof write)).toEqual({ is: "path", path: "/out", isDirectory: true });
  expect(sinkAdapter(oldWrite as typeof write).name).toBe("files");
  expect(sourceAdapter(oldInput as typeof input).name).toBe("files");
});

it("a kind that this version does not know is refused by its name, and taken for no other", () => {
  const refused = { code: "adapter.unknown", details: { kind: "tape" } };
  const job = jobWith();
  expect(() => targetOf({ ...job.write, kind: "tape" })).toThrow(expect.objectContaining(refused));
  expect(() => describeInput({ ...job.input, kind: "tape" })).toThrow(expect.objectContaining(refused));
  expect(() => sinkAdapter({ ...job.write, kind: "tape" })).toThrow(expect.objectContaining(refused));
  expect(() => sourceAdapter({ ...job.input, kind: "tape" })).toThrow(expect.objectContaining(refused));
});

it.each([
  ["../data/x.parquet", "files"],
  ["/data/dt=*/", "files"],
  ["postgres://db.example:5432/features", "postgres"],
])("a spec's word names one adapter: %s", (word, kind) => {
  expect(inputKindNamed(word).name).toBe(kind);
  expect(outputKindNamed(word).name).toBe(kind);
});

it("an address that no adapter knows is refused without its secrets", () => {
  for (const named of [inputKindNamed, outputKindNamed])
    expect(() => named("tape://user:secret@host/reel")).toThrow(
      expect.objectContaining({ code: "adapter.unknown", message: expect.not.stringContaining("secret") }),
    );
});

it("two adapters cannot have one name", () => {
  const taken = expect.objectContaining({ code: "adapter.name-taken" });
  expect(() => registerInputKind({ ...inputKind({ kind: "files" }) })).toThrow(taken);
  expect(() => registerOutputKind({ ...outputKind({ kind: "postgres" }) })).toThrow(taken);
});

it.each([
  'if (write.kind === "postgres") return;',
  'const isLocal = "files" !== input.kind;',
  'switch (kind) {\n  case "files":\n}',
])("the static check finds code that asks for a kind: %s", (planted) => {
  const folder = scratch();
  const checked = () =>
    spawnSync(process.execPath, ["scripts/check-kinds.mjs", folder], { encoding: "utf8" });
  for (const place of ["running", "sinks/postgres"]) mkdirSync(join(folder, place), { recursive: true });
  writeFileSync(join(folder, "sinks/postgres/undo.ts"), planted);
  writeFileSync(join(folder, "running/runner.ts"), "\n// Nothing is asked here.\n");
  expect(checked().status).toBe(0);
  writeFileSync(join(folder, "running/runner.ts"), `\n${planted}\n`);
  expect(checked()).toMatchObject({ status: 1, stdout: expect.stringContaining("running/runner.ts:") });
});
