import { expect, it } from "vitest";
import { errorText } from "../../src/cli/output/error-text.js";
import { makePaint } from "../../src/cli/output/paint.js";
import { defineJob } from "../../src/spec/define-job.js";
import { InvalidSpecError } from "../../src/spec/invalid-spec-error.js";
import type { JobSpecInput } from "../../src/spec/schema.js";
import { filesOf } from "../support/jobs.js";
import { jobText, makeSpecProject } from "../support/spec-project.js";

const context = { cwd: "/data", now: new Date("2026-01-20T12:00:00Z"), environment: {}, outputRoot: null };

const small = {
  version: 1,
  name: "flights",
  model: "model.onnx",
  input: { from: "data/*.parquet" },
  write: { to: "out" },
} as const satisfies JobSpecInput;

it("makes the job that the same spec in YAML makes", async () => {
  const project = makeSpecProject();
  project.write("f.yaml", jobText());
  expect(defineJob(small, { ...context, cwd: project.root })).toEqual((await project.load("f.yaml")).job);
  project.remove();
});

it("takes an interval and variables", () => {
  const job = defineJob(
    {
      ...small,
      input: { from: "data/{{ ds }}/{{ var.region }}" },
      write: { to: "out", mode: "append" },
      intervals: { every: "day" },
    },
    { ...context, at: "2026-01-02", vars: { region: "eu" } },
  );
  expect(filesOf(job).input.from).toEqual(["/data/data/2026-01-02/eu"]);
  expect(job.interval?.ds).toBe("2026-01-02");
});

it("reports all mistakes by their paths", () => {
  const spec: JobSpecInput = {
    ...small,
    // @ts-expect-error: the types know the key too
    features: { x: { stack: ["a", { colum: "b" }] }, "odd name": 5 },
    write: { to: "out", partition_by: ["a", "a"] },
  };
  try {
    defineJob(spec, context);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidSpecError);
    if (!(error instanceof InvalidSpecError)) return;
    expect(error.message.split("\n")).toEqual([
      "3 mistakes in the job:",
      "  features.x.stack[1].colum: there is no key `colum` here",
      '  features["odd name"]: expected text or a mapping, found the number `5`',
      "  write.partition_by[1]: `a` is in this list twice",
    ]);
    expect(errorText(error, { paint: makePaint(false), width: null }, false).split("\n")).toEqual([
      "features.x.stack[1].colum error: there is no key `colum` here [spec.unknown-key]",
      "  did you mean `column`?",
      "",
      'features["odd name"] error: expected text or a mapping, found the number `5` [spec.wrong-type]',
      "  for example `odd name: { column: origin }`",
      "",
      "write.partition_by[1] error: `a` is in this list twice [spec.repeated]",
      "  remove one",
      "",
      "3 mistakes in the job; correct the job that is passed to defineJob",
    ]);
  }
});

it("refuses an interval for a job without any", () => {
  expect(() => defineJob(small, { ...context, at: "2026-01-02" })).toThrow(
    expect.objectContaining({ code: "usage.no-intervals" }),
  );
});
