// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesOf } from "../support/jobs.js";
import { jobText, makeSpecProject, type SpecProject } from "../support/spec-project.js";

let project: SpecProject;
beforeEach(() => {
  project = makeSpecProject();
});
afterEach(() => project.remove());

const path = "jobs/flights.yaml";

async function jobOf(text: string, context: Parameters<SpecProject["load"]>[1] = {}) {
  project.write(path, text);
  return (await project.load(path, context)).job;
}

describe("a small job", () => {
  it("gets defaults, and absolute paths from where its spec lies", async () => {
    const at = (file: string) => join(project.root, "jobs", file);
    expect(await jobOf(jobText("write: { to: ../out/ }"))).toEqual({
      name: "flights",
      model: { path: at("model.onnx"), externalData: [] },
      hooks: { pre: null, post: null },
      input: { kind: "files", from: [at("data/*.parquet")], key: [], onEmpty: "fail" },
      features: null,
      outputs: {},
      passthrough: { kind: "rest" },
      write: {
        kind: "files",
        to: join(project.root, "out"),
        shape: "directory",
        mode: "error",
        partitionBy: [],
        add: {},
      },
      interval: null,
      limits: {
        threads: "auto",
        partitionRows: "auto",
        maxAttempts: 3,
        partitionTimeoutMs: 1_800_000,
        memoryBytes: "auto",
      },
      rowPolicy: { onRowError: "fail", maxErrorRows: null, maxErrorFraction: null },
      engine: "auto",
      providers: ["cpu"],
    });
  });

  it("may say everything", async () => {
    const job = await jobOf(
      jobText(
        "model: { path: m.onnx, external_data: [m.onnx.data] }",
        "input: { from: [a.parquet, 'b/*.parquet'], key: id, on_empty: skip }",
        `features:
  plain: origin
  one: { column: date, part: hour, timezone: Europe/Berlin, nulls: 0, cast: lossy }
  many:
    stack: [a, { column: b, part: dow, nulls: reject }]
    nulls: nan
  vector: { list: embedding, dim: 128 }`,
        "outputs: { label: { column: late }, p: { columns: { no: 0, yes: '1' } } }",
        "passthrough: [id, date]",
        "write: { to: out.parquet, mode: replace, add: { run: 'x{{ run.id }}', n: 1, ok: true } }",
        `limits:
  threads: 4
  partition_rows: 1000
  max_attempts: 5
  partition_timeout: 1h30m
  memory: 1.5GiB
  on_row_error: emit_null
  max_error_rows: 10
  max_error_fraction: 0.5`,
        "providers: [cuda, cpu]",
      ),
    );
    expect(job.input).toMatchObject({ key: ["id"], onEmpty: "skip" });
    expect(job.model.externalData).toEqual([join(project.root, "jobs/m.onnx.data")]);
    expect(job.features?.inputs).toEqual({
      plain: { kind: "column", column: "origin" },
      one: {
        kind: "column",
        column: "date",
        part: "hour",
        timezone: "Europe/Berlin",
        nulls: 0,
        cast: "lossy",
      },
      many: {
        kind: "stack",
        stack: [{ column: "a" }, { column: "b", part: "dow", nulls: "reject" }],
        nulls: "nan",
      },
      vector: { kind: "list", list: "embedding", dim: 128 },
    });
    expect(job.outputs).toEqual({ label: { column: "late" }, p: { columns: { no: "0", yes: "1" } } });
    // The key is kept anyway.
    expect(job.passthrough).toEqual({ kind: "columns", columns: ["date"] });
    expect(job.write).toMatchObject({
      shape: "file",
      mode: "replace",
      add: { run: "x{{ run.id }}", n: 1, ok: true },
    });
    expect(job.limits).toEqual({
      threads: 4,
      partitionRows: 1000,
      maxAttempts: 5,
      partitionTimeoutMs: 5_400_000,
      memoryBytes: 1_610_612_736,
    });
    expect(job.rowPolicy).toEqual({ onRowError: "emit_null", maxErrorRows: 10, maxErrorFraction: 0.5 });
    expect(job.providers).toEqual(["cuda", "cpu"]);
  });

  it("says how columns become numbers and lists, and what is decided from a prediction", async () => {
    const job = await jobOf(
      jobText(
        `features:
  x:
    stack: [user.age, { column: o, map: { file: maps/o.json, unknown: 0 } }]
    dtype: float32
  ids: { list: t, pad_to: 8, pad_with: 1, keep: last, mask: m, map: { file: v.json } }`,
        `outputs:
  label: { column: l, labels: { '1': late } }
  p: { argmax: best, threshold: { hit: { label: 1, at: 0.3 }, any: { at: 0 } } }
  s: { column: r, top_k: 5, rank: true, exclude: seen, ids: { file: i.parquet, column: id } }`,
      ),
    );
    const path = (name: string): unknown => expect.stringMatching(new RegExp(`^/.*/${name}$`));
    expect(job.features?.inputs).toEqual({
      x: {
        kind: "stack",
        stack: [{ column: "user.age" }, { column: "o", map: { file: path("maps/o.json"), unknown: 0 } }],
        dtype: "float32",
      },
      ids: {
        kind: "list",
        list: "t",
        padTo: 8,
        padWith: 1,
        keep: "last",
        mask: "m",
        map: { file: path("v.json") },
      },
    });
    expect(job.outputs).toEqual({
      label: { column: "l", labels: { "1": "late" } },
      p: { argmax: "best", threshold: { hit: { label: "1", at: 0.3 }, any: { at: 0 } } },
      s: {
        column: "r",
        topK: { k: 5, rank: true, exclude: "seen", ids: { file: path("i.parquet"), column: "id" } },
      },
    });
  });

  it.each([
    ["key: id", "", { kind: "none" }],
    ["", "passthrough: all", { kind: "all" }],
    ["", "passthrough: none", { kind: "none" }],
    ["key: id", "passthrough: rest", { kind: "rest" }],
    ["key: id", "passthrough: [id]", { kind: "none" }],
  ])("with %j and %j keeps %j", async (key, passthrough, expected) => {
    const input = `input: { from: d, ${key} }`;
    const job = await jobOf(passthrough === "" ? jobText(input) : jobText(input, passthrough));
    expect(job.passthrough).toEqual(expected);
  });

  it("may use anchors, comments, Windows line ends and a byte order mark", async () => {
    const text = jobText("features: { a: &r { column: x, nulls: 0 }, b: *r } # the same");
    const job = await jobOf(`\uFEFF${text.replaceAll("\n", "\r\n")}`);
    expect(job.features?.inputs?.b).toEqual({ kind: "column", column: "x", nulls: 0 });
  });

  it("may name a feature like what every object has", async () => {
    const job = await jobOf(jobText("features: { constructor: a, toString: b }"));
    expect(Object.keys(job.features?.inputs ?? {})).toEqual(["constructor", "toString"]);
  });
});

describe("the interval", () => {
  const daily = jobText(
    "input: { from: 'data/dt={{ ds }}/*.parquet' }",
    "write: { to: 'out/{{ ds | date: \"%Y/%m\" }}', mode: append, add: { from: '{{ data_interval_start }}', to: '{{ data_interval_end }}' } }",
    "intervals: { every: day, start: 2026-01-01, timezone: America/Sao_Paulo }",
  );

  it("is the latest complete one", async () => {
    const job = await jobOf(daily, { now: new Date("2026-01-16T02:59Z") });
    expect(job.interval).toEqual({
      start: "2026-01-14T03:00:00Z",
      end: "2026-01-15T03:00:00Z",
      ds: "2026-01-14",
    });
  });

  it("is the one that --at is in, and names input and output", async () => {
    const job = await jobOf(daily, { at: "2026-01-10T23:00" });
    expect(filesOf(job).input.from).toEqual([join(project.root, "jobs/data/dt=2026-01-10/*.parquet")]);
    expect(filesOf(job).write.to).toBe(join(project.root, "jobs/out/2026/01"));
    expect(job.write.add).toEqual({ from: "2026-01-10T00:00:00-03:00", to: "2026-01-11T00:00:00-03:00" });
  });

  it.each([
    ["2025-12-31", "usage.before-start"],
    ["tomorrow", "usage.bad-time"],
  ])("cannot be at %s", async (at, code) => {
    await expect(jobOf(daily, { at })).rejects.toMatchObject({ code });
  });

  it("has to be over, unless it is asked for", async () => {
    const now = new Date("2026-01-01T12:00Z");
    await expect(jobOf(daily, { now })).rejects.toMatchObject({ code: "usage.no-complete-interval" });
    project.write(path, daily);
    const { warnings } = await project.load(path, { now, at: "2026-01-01" });
    expect(warnings).toEqual(["the interval of 2026-01-01 is not over yet: it ends at 2026-01-02T03:00:00Z"]);
  });

  it("is reported only when the spec itself is right", async () => {
    project.write(path, daily.replace("append", "apend"));
    expect((await project.mistakes(path, { at: "tomorrow" })).diagnostics).toMatchObject([{ line: 5 }]);
    project.write(path, `${daily}name: again\n`);
    expect((await project.mistakes(path, { at: "tomorrow" })).diagnostics).toMatchObject([
      { code: "spec.duplicate-key" },
    ]);
  });

  it("means nothing for a job without intervals", async () => {
    await expect(jobOf(jobText(), { at: "2026-01-10" })).rejects.toMatchObject({
      code: "usage.no-intervals",
    });
  });

  it("that the input does not name is warned of", async () => {
    project.write(path, jobText("intervals: { every: day }", "write: { to: out, mode: append }"));
    expect((await project.load(path)).warnings).toEqual([
      expect.stringContaining("every interval scores the same rows"),
    ]);
  });
});

describe("variables", () => {
  it("come from --var, over the target's, over nothing", async () => {
    project.write(
      "nightshift.yaml",
      "default_target: dev\ntargets:\n  dev: { vars: { region: eu, rows: 5000 } }\n  prod: { vars: { region: '${REGION}', rows: '${ROWS:-7}' } }\n",
    );
    const text = jobText(
      "input: { from: 'data/{{ var.region }}' }",
      'limits: { partition_rows: "{{ var.rows }}" }',
    );
    const inputs = async (context: Parameters<SpecProject["load"]>[1]) => {
      const job = await jobOf(text, context);
      const { limits } = job;
      return [filesOf(job).input.from[0]?.split("/").pop(), limits.partitionRows];
    };
    expect(await inputs({})).toEqual(["eu", 5000]);
    expect(await inputs({ vars: { region: "us", rows: "10" } })).toEqual(["us", 10]);
    expect(await inputs({ target: "prod", environment: { REGION: "sa" } })).toEqual(["sa", 7]);
    expect((await project.load(path, {})).target).toBe("dev");
    // Only the chosen target's variables have to be there.
    const { diagnostics } = await project.mistakes(path, { target: "prod" });
    expect(diagnostics).toMatchObject([
      { file: "nightshift.yaml", line: 4, column: 28, code: "spec.variable" },
    ]);
  });

  it.each([
    ["stag", "did you mean `stage`?"],
    ["x", "there is stage"],
  ])("refuse the target %s", async (target, hint) => {
    project.write("nightshift.yaml", "targets: { stage: {} }\n");
    await expect(jobOf(jobText(), { target })).rejects.toMatchObject({ code: "usage.unknown-target", hint });
  });

  it("refuse a target where there is no project file", async () => {
    await expect(jobOf(jobText(), { target: "dev" })).rejects.toMatchObject({ code: "usage.unknown-target" });
  });

  it("that are given have to be used", async () => {
    const text = jobText("input: { from: 'data/{{ var.region }}' }");
    await expect(jobOf(text, { vars: { region: "eu", regoin: "us" } })).rejects.toMatchObject({
      code: "usage.unused-var",
      hint: "did you mean `region`?",
    });
  });

  it.each([
    ["connections: {}", "spec.not-supported", 1],
    ["targets: { dev: { varz: {} } }", "spec.unknown-key", 19],
    ["targets: [dev]", "spec.wrong-type", 10],
  ])("cannot come from a project file with %j", async (text, code, column) => {
    project.write("nightshift.yaml", text);
    project.write(path, jobText("input: { from: 'data/{{ var.region }}' }"));
    const { diagnostics } = await project.mistakes(path);
    expect(diagnostics).toMatchObject([{ file: "nightshift.yaml", line: 1, column, code }]);
  });

  it("of the environment may be numbers where the schema wants one, and stay text where it does not", async () => {
    const job = await jobOf(
      jobText("name: ${N}", "limits:\n  threads: ${N}", "write: { to: out, add: { n: '${N}' } }"),
      {
        environment: { N: "3" },
      },
    );
    expect([job.name, job.limits.threads, job.write.add.n]).toEqual(["3", 3, "3"]);
  });
});

describe("the output root", () => {
  const load = (to: string) =>
    jobOf(jobText(`write: { to: ${to} }`), { outputRoot: join(project.root, "allowed") });

  it("takes what lies in it", async () => {
    expect(filesOf(await load("../allowed/out")).write.to).toBe(join(project.root, "allowed/out"));
  });

  it.each(["../elsewhere", "../allowed/../x", "../allowed-not", "/tmp/x", "../allowed/link/out"])(
    "refuses %s",
    async (to) => {
      mkdirSync(join(project.root, "allowed"));
      symlinkSync("/tmp", join(project.root, "allowed/link"));
      await expect(load(to)).rejects.toMatchObject({
        code: "spec.invalid",
        diagnostics: [{ code: "spec.outside-output-root", line: 5 }],
      });
    },
  );
});

describe("a file that is no spec", () => {
  it.each([
    ["missing.yaml", "spec.not-found"],
    ["jobs", "spec.unreadable"],
    ["large.yaml", "spec.too-large"],
    ["model.onnx", "spec.not-text"],
    ["zeros.yaml", "spec.not-text"],
  ])("%s is refused as %s", async (file, code) => {
    project.write("jobs/x.yaml", "");
    project.write("large.yaml", "#".repeat(256 * 1024 + 1));
    project.write("model.onnx", new Uint8Array([8, 7, 255, 254]));
    project.write("zeros.yaml", "a: 1\0");
    await expect(project.load(file)).rejects.toMatchObject({ code, message: expect.stringContaining(file) });
  });
});

it("a project's own directories are no patterns: its output may lie beside its input", async () => {
  const spec = "flights [2026]/jobs/flights.yaml";
  project.write(spec, jobText("input: { from: ../data/**/*.parquet }", "write: { to: ../out }"));
  const { job } = await project.load(spec);
  expect(filesOf(job).write.to).toBe(join(project.root, "flights [2026]/out"));
});

describe("a hostile spec", () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefgh"]
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefg"[index]}`).join(",")}]`)
    .join("\n")}`;

  const aliases = Array.from({ length: 90 }, (_, index) => `k${index}: *a`).join("\n");

  it.each([
    ["an alias bomb", bomb, "spec.too-many-aliases"],
    ["many aliases of a long list", `a: &a [${"x,".repeat(5000)}]\n${aliases}`, "spec.too-many-aliases"],
    ["100,000 open brackets", "[".repeat(100_000), "spec.too-deep"],
    ["100,000 open braces", "a: ".concat("{".repeat(100_000)), "spec.too-deep"],
    ["100,000 dashes", "- ".repeat(100_000), "spec.too-deep"],
    ["an alias in itself", "a: &a { b: *a }", "spec.circular-alias"],
  ])("with %s is refused", async (_, text, code) => {
    project.write(path, text);
    expect((await project.mistakes(path)).diagnostics[0]).toMatchObject({ code, line: expect.any(Number) });
  });

  it("with 5,000 unknown keys reports the first hundred", async () => {
    project.write(path, Array.from({ length: 5_000 }, (_, index) => `k${index}: 1`).join("\n"));
    const error = await project.mistakes(path);
    expect(error.diagnostics).toHaveLength(100);
  });
});
