/** `vars:` of a spec: what is declared, what a run may be given, and what keeps a value out of a path. */
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { targetOf } from "../../src/job/output.js";
import { jobIdOf } from "../../src/running/run-identity.js";
import { jobText, makeSpecProject, type SpecProject } from "../support/spec-project.js";

let project: SpecProject;
beforeEach(() => {
  project = makeSpecProject();
});
afterEach(() => project.remove());

const add = "write: { to: out, add: { v: '{{ var.v }}' } }";
const path = "write: { to: 'out/{{ var.v }}' }";

async function load(
  text: string,
  vars: { readonly [name: string]: string | number | boolean } = {},
  more = {},
) {
  return project.load(project.write("jobs/job.yaml", text), { vars, ...more });
}
const added = async (declaration: string, v?: string | number | boolean) =>
  (await load(jobText(`vars: { v: ${declaration} }`, add), v === undefined ? {} : { v })).job.write.add;

describe("a value", () => {
  it.each([
    ["{ type: integer }", "77", 77],
    ["{ type: integer }", 77, 77],
    ["{ type: number }", "-1.5e3", -1500],
    ["{ type: boolean }", "false", false],
    ["{ type: date }", "2026-02-28", "2026-02-28"],
    ["{ type: string }", "007", "007"],
    ["{}", "text", "text"],
    ['{ pattern: "[a-z]{2}", default: br }', undefined, "br"],
    ['{ pattern: "[a-z]{2}", default: br }', "us", "us"],
    ["{ type: integer, default: 0 }", undefined, 0],
    ["{ type: boolean, default: false }", undefined, false],
  ])("of %s: %j becomes %j", async (declaration, given, expected) => {
    expect(await added(declaration, given)).toEqual({ v: expected });
  });

  it.each([
    ["{ type: integer }", "7.5"],
    ["{ type: integer }", "0x10"],
    ["{ type: integer }", "9007199254740993"],
    ["{ type: integer }", true],
    ["{ type: number }", "NaN"],
    ["{ type: number }", ""],
    ["{ type: boolean }", "yes"],
    ["{ type: date }", "2026-02-30"],
    ["{ type: string }", 7],
    ['{ pattern: "[a-z]{2}" }', "xbrx"],
    ['{ pattern: "a|b" }', "ab"],
    ['{ pattern: "[a-z]{2}" }', "br\n"],
  ])("of %s: %j is refused", async (declaration, given) => {
    await expect(added(declaration, given)).rejects.toMatchObject({ code: "usage.bad-var" });
  });

  it("without a default is needed to run, and not to look at the spec", async () => {
    const text = jobText("vars: { v: { type: integer } }", add);
    await expect(load(text)).rejects.toMatchObject({
      code: "usage.missing-var",
      details: { missing: ["v"] },
    });
    expect((await load(text, {}, { anyVars: true })).job.name).toBe("flights");
  });

  it("that the job does not declare or use is refused, with the name that was meant", async () => {
    const text = jobText("vars: { region: { default: br } }", "write: { to: 'out/{{ var.region }}' }");
    await expect(load(text, { regoin: "us" })).rejects.toMatchObject({
      code: "usage.unused-var",
      hint: "did you mean `region`?",
    });
  });

  it("of the target stands between the given one and the default", async () => {
    project.write("nightshift.yaml", "default_target: dev\ntargets: { dev: { vars: { v: eu } } }\n");
    expect(await added("{ default: br }")).toEqual({ v: "eu" });
    expect(await added("{ default: br }", "us")).toEqual({ v: "us" });
    const text = jobText("vars: { v: { type: integer } }", add);
    project.write("jobs/job.yaml", text);
    const { diagnostics } = await project.mistakes("jobs/job.yaml");
    expect(diagnostics).toMatchObject([{ path: "vars.v", code: "spec.bad-var" }]);
  });
});

describe("in a path", () => {
  const hostile = [
    "a/b",
    "..",
    "../../outside",
    "a\\b",
    "*",
    "a?",
    "[ab]",
    "{a,b}",
    "!(a)",
    "a\u0000b",
    "a\nb",
    "~root",
    "",
  ];
  it.each(hostile)("%j is refused, declared or not", async (v) => {
    for (const text of [jobText("vars: { v: {} }", path), jobText(path)])
      await expect(load(text, { v })).rejects.toMatchObject({ code: "usage.unsafe-var" });
  });

  it.each([
    "input: { from: 'data/{{ var.v }}/*.parquet' }",
    "model: '{{ var.v }}.onnx'",
    "pre: '{{ var.v }}.ts'",
  ])("also in %s", async (section) => {
    await expect(load(jobText(section), { v: "../x" })).rejects.toMatchObject({ code: "usage.unsafe-var" });
  });

  it("a pattern allows separators and globs, and no step upwards", async () => {
    const text = jobText('vars: { v: { pattern: "[a-z/.*]+" } }', path);
    expect(targetOf((await load(text, { v: "a/b*" })).job.write)).toBe(`${project.root}/jobs/out/a/b*`);
    for (const v of ["../a", "a/../b", "a/.."])
      await expect(load(text, { v })).rejects.toMatchObject({ code: "usage.unsafe-var" });
  });

  it("values of the target and defaults are the author's", async () => {
    project.write("nightshift.yaml", "default_target: dev\ntargets: { dev: { vars: { v: ../a/b } } }\n");
    expect(targetOf((await load(jobText(path))).job.write)).toBe(`${project.root}/jobs/a/b`);
  });

  it("data may hold anything", async () => {
    expect(await added("{}", "../*")).toEqual({ v: "../*" });
  });
});

test("given values that are not the usual ones make another run", async () => {
  const text = jobText("vars: { v: { default: br } }", add);
  const ids = await Promise.all(
    [{}, { v: "br" }, { v: "us" }].map(async (vars) => jobIdOf((await load(text, vars)).job, "spec")),
  );
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
  expect((await load(text, { v: "us" })).job.vars).toEqual({ v: "us" });
  expect((await load(text)).job).not.toHaveProperty("vars");
});

it.each([
  ["vars: { v: { type: int } }", add, "vars.v.type", "spec.invalid-value"],
  ["vars: { v: { pattern: '[' } }", add, "vars.v.pattern", "spec.invalid-value"],
  ["vars: { v: { type: integer, pattern: '1' } }", add, "vars.v.pattern", "spec.invalid-value"],
  ["vars: { v: { type: integer, default: x } }", add, "vars.v.default", "spec.invalid-value"],
  ["vars: { v: { pattern: '[a-z]{2}', default: bra } }", add, "vars.v.default", "spec.invalid-value"],
  ["vars: { v: { default: '{{ ds }}' } }", add, "vars.v.default", "spec.template-place"],
  ["vars: { v: {}, w: {} }", add, "vars.w", "spec.unused-var"],
  ["vars: { v: {} }\nschedule: { cron: '1 2 * * *' }", add, "schedule", "spec.missing-var"],
  [
    "vars: { v: {} }\nschedule: { cron: '1 2 * * *', vars: { v: a, w: b } }",
    add,
    "schedule.vars.w",
    "spec.unknown-key",
  ],
  [
    "vars: { v: { type: date } }\nschedule: { cron: '1 2 * * *', vars: { v: a } }",
    add,
    "schedule.vars.v",
    "spec.bad-var",
  ],
  [
    "vars: { v: {} }\nschedule: { cron: '1 2 * * *', vars: { v: ../a } }",
    path,
    "schedule.vars.v",
    "spec.bad-var",
  ],
])("%s is a mistake of the spec", async (vars, write, at, code) => {
  project.write("jobs/job.yaml", jobText(vars, write));
  const { diagnostics } = await project.mistakes("jobs/job.yaml");
  expect(diagnostics).toMatchObject([{ path: at, code }]);
});

test("a schedule gives its own values", async () => {
  const text = jobText(
    "vars: { v: { type: integer } }\nschedule: { cron: '1 2 * * *', vars: { v: 7 } }",
    add,
  );
  const { schedule } = await load(text, {}, { anyVars: true });
  expect(schedule?.vars).toEqual({ v: 7 });
});
