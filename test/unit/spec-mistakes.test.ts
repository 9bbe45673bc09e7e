// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Diagnostic } from "../../src/spec/diagnostic.js";
import { jobText, makeSpecProject, type SpecProject } from "../support/spec-project.js";

let project: SpecProject;
beforeEach(() => {
  project = makeSpecProject();
});
afterEach(() => project.remove());

/** Takes the marks out of a spec and tells the range between them. */
function unmark(marked: string): { readonly text: string; readonly range: Partial<Diagnostic> } {
  const before = marked.slice(0, marked.indexOf("⟦"));
  const inside = marked.slice(before.length + 1, marked.indexOf("⟧"));
  const column = before.length - before.lastIndexOf("\n");
  return {
    text: marked.replace(/[⟦⟧]/g, ""),
    range: { line: before.split("\n").length, column, endColumn: column + inside.length },
  };
}

/** What is wrong (marked in the spec), its code, and the whole suggestion. */
type Mistake = readonly [spec: string, code: string, suggestion: string | null];

const day = "intervals: { every: day }";

const unknownAndMissing: readonly Mistake[] = [
  [
    jobText("⟦modle⟧: x.onnx", "model: m.onnx").replace("model: m.onnx\n", ""),
    "spec.unknown-key",
    "did you mean `model`?",
  ],
  [jobText("input: { ⟦form⟧: data }"), "spec.unknown-key", "did you mean `from`?"],
  [
    jobText("input: { from: data, ⟦whatever⟧: 1 }"),
    "spec.unknown-key",
    "it may be from, table, query, params, consistency, key, wait_for, plain_files, missing_columns, path_columns or on_empty",
  ],
  [jobText("features: { x: { ⟦colunm⟧: a } }"), "spec.unknown-key", "did you mean `column`?"],
  [
    jobText("features:\n  x:\n    stack:\n      - { column: a, ⟦prat⟧: hour }"),
    "spec.unknown-key",
    "did you mean `part`?",
  ],
  [jobText("features: { x: { list: a, ⟦pad_too⟧: 8 } }"), "spec.unknown-key", "did you mean `pad_to`?"],
  [jobText("features: { x: { list: a, pad_to: 8, ⟦maks⟧: m } }"), "spec.unknown-key", "did you mean `mask`?"],
  [
    jobText("features: { x: { column: a, map: { file: m.json, ⟦unknwon⟧: 0 } } }"),
    "spec.unknown-key",
    "did you mean `unknown`?",
  ],
  [
    jobText("features: { x: { column: a, ⟦map⟧: { unknown: 0 } } }"),
    "spec.missing-key",
    "for example `file: ../models/origins.json`",
  ],
  [jobText("outputs: { p: { ⟦argmx⟧: a } }"), "spec.unknown-key", "did you mean `argmax`?"],
  [
    jobText("outputs: { p: { ⟦treshold⟧: { a: { at: 1 } } } }"),
    "spec.unknown-key",
    "did you mean `threshold`?",
  ],
  [jobText("outputs: { p: { top_k: 5, ⟦exlude⟧: seen } }"), "spec.unknown-key", "did you mean `exclude`?"],
  [
    jobText("outputs: { p: { threshold: { ⟦late⟧: { label: '1' } } } }"),
    "spec.missing-key",
    "for example `at: 0.3`",
  ],
  [jobText("limits: { ⟦thread⟧: 2 }"), "spec.unknown-key", "did you mean `threads`?"],
  [jobText("⟦<<⟧: { passthrough: all }"), "spec.unknown-key", "write the keys out"],
  [jobText("⟦write⟧: { mode: append }"), "spec.missing-key", "for example `to: ../out/flight-delay`"],
  [
    jobText("intervals: { start: 2026-01-01 }").replace("intervals", "⟦intervals⟧"),
    "spec.missing-key",
    "for example `every: day`",
  ],
  [
    "⟦version⟧: 1\nmodel: m.onnx\ninput: { from: d }\nwrite: { to: o }\n",
    "spec.missing-key",
    "for example `name: flight-delay`",
  ],
  [
    jobText("features: { x: ⟦{ nulls: nan }⟧ }"),
    "spec.incomplete",
    "add `column`, `stack` or `list`, or `value` for a constant",
  ],
  [
    jobText("outputs:\n  ⟦p⟧: {}").replace("⟦p⟧: {}", "p: ⟦{}⟧"),
    "spec.incomplete",
    "add `column`, `columns`, `argmax`, `threshold` or `top_k`",
  ],
];

const later: readonly Mistake[] = [
  [jobText("⟦events⟧: []"), "spec.not-supported", "start `nightshift run` from what sees the events"],
  [
    jobText("input: { from: data, ⟦table⟧: flights }"),
    "spec.not-a-database",
    "write `from: ${DATABASE_URL}`, or remove it",
  ],
  [
    jobText("write: { to: out, mode: ⟦upsert⟧ }"),
    "spec.not-a-database",
    "use `append`, where scoring an interval again replaces its rows, or `replace`",
  ],
  [
    jobText(
      "intervals: { every: day, ⟦lookback⟧: 1 }",
      "write: { to: out, mode: append }",
      "input: { from: '{{ ds }}' }",
    ),
    "spec.unused-lookback",
    "add one, or run `nightshift backfill … --reprocess stale` beside `nightshift run`",
  ],
  [
    jobText("schedule: { cron: ⟦0 25 * * *⟧ }"),
    "spec.invalid-value",
    "for example `15 2 * * *`: every night at 02:15",
  ],
  [
    jobText("schedule: { cron: 0 2 * * *, timezone: ⟦Europe/Berlinn⟧ }"),
    "spec.invalid-value",
    "did you mean `Europe/Berlin`?",
  ],
  [jobText("schedule: { cron: 0 2 * * *, catchup: ⟦al⟧ }"), "spec.invalid-value", "did you mean `all`?"],
  [jobText("model: ⟦s3://lake/m.onnx⟧"), "spec.not-supported", "use a local path"],
  [jobText("input:\n  from:\n    - data\n    - ⟦gs://lake/x⟧"), "spec.not-supported", "use a local path"],
  [jobText("write: { to: ⟦file:///srv/out⟧ }"), "spec.not-supported", "write `/srv/out`"],
];

const values: readonly Mistake[] = [
  [jobText("version: ⟦2⟧"), "spec.invalid-value", "write `1`"],
  [jobText("name: ⟦flight delay⟧"), "spec.invalid-value", "for example `name: flight-delay`"],
  [jobText("⟦input⟧:"), "spec.wrong-type", "for example `input: { from: ../data/*.parquet }`"],
  [jobText("input: { from: data, on_empty: ⟦fial⟧ }"), "spec.invalid-value", "did you mean `fail`?"],
  [
    jobText("input: { from: ⟦[]⟧ }"),
    "spec.invalid-value",
    'for example `from: "../data/dt={{ ds }}/*.parquet"`',
  ],
  [jobText("features: { x: ⟦5⟧ }"), "spec.wrong-type", "for example `x: { column: origin }`"],
  [jobText("features: { x: { column: a, part: ⟦huor⟧ } }"), "spec.invalid-value", "did you mean `hour`?"],
  [jobText("features: { x: { column: a, nulls: ⟦nane⟧ } }"), "spec.invalid-value", "did you mean `nan`?"],
  [jobText("features: { x: { column: a, nulls: ⟦9007199254740993⟧ } }"), "spec.invalid-value", "quote it"],
  [
    jobText("features: { x: { column: a, ⟦stack⟧: [b] } }").replace("⟦stack⟧: [b]", "stack: ⟦[b]⟧"),
    "spec.invalid-value",
    "keep one of the two",
  ],
  [
    jobText("features: { x: { stack: [a], dim: ⟦3⟧ } }"),
    "spec.invalid-value",
    "use it with `list`, or remove it",
  ],
  [
    jobText("features: { x: { stack: [a], part: ⟦hour⟧ } }"),
    "spec.invalid-value",
    "put it into an element of `stack`",
  ],
  [
    jobText("features: { x: { stack: [a], map: ⟦{ file: m.json }⟧ } }"),
    "spec.invalid-value",
    "put it into an element of `stack`",
  ],
  [
    jobText("features: { x: { column: a, map: { file: m.json }, part: ⟦hour⟧ } }"),
    "spec.invalid-value",
    "keep one of the two",
  ],
  [
    jobText("features: { x: { list: a, map: { file: m.json }, dtype: ⟦int64⟧ } }"),
    "spec.invalid-value",
    "keep one of the two",
  ],
  [
    jobText("features: { x: { column: a, dtype: ⟦flaot32⟧ } }"),
    "spec.invalid-value",
    "did you mean `float32`?",
  ],
  [
    jobText("features: { x: { column: a, pad_to: ⟦8⟧ } }"),
    "spec.invalid-value",
    "use it with `list`, or remove it",
  ],
  [jobText("features: { x: { list: a, keep: ⟦last⟧ } }"), "spec.invalid-value", "add `pad_to`, or remove it"],
  [jobText("features: { x: { list: a, mask: ⟦m⟧ } }"), "spec.invalid-value", "add `pad_to`, or remove it"],
  [jobText("features: { x: { value: 0, dtype: ⟦float32⟧ } }"), "spec.invalid-value", "remove it"],
  [jobText("features: { x: { column: a, value: ⟦0⟧ } }"), "spec.invalid-value", "keep one of the two"],
  [jobText("features: { x: { list: a, pad_to: 8, dim: ⟦8⟧ } }"), "spec.invalid-value", "keep one of the two"],
  [
    jobText("features: { x: { list: a, pad_to: 8, keep: ⟦lats⟧ } }"),
    "spec.invalid-value",
    "did you mean `last`?",
  ],
  [
    jobText("features: { x: { column: a, map: { file: ⟦s3://b/m.json⟧ } } }"),
    "spec.not-supported",
    "use a local path",
  ],
  [
    jobText("outputs: { p: { top_k: 5, ids: { file: ⟦~/items.csv⟧ } } }"),
    "spec.tilde",
    "write `${HOME}/items.csv`",
  ],
  [
    jobText("outputs: { p: { column: a, exclude: ⟦seen⟧ } }"),
    "spec.invalid-value",
    "add `top_k`, or remove it",
  ],
  [jobText("outputs: { p: { top_k: 5, columns: ⟦{ a: x }⟧ } }"), "spec.invalid-value", "keep one of the two"],
  [
    jobText("outputs: { p: { labels: ⟦[]⟧ } }"),
    "spec.invalid-value",
    "for example `labels: { 0: in_time, 1: late }`",
  ],
  [
    jobText("outputs: { p: { columns: { a: x }, argmax: ⟦a⟧ } }"),
    "spec.column-clash",
    "give one of them another name",
  ],
  [
    jobText("features: { x: { column: a, timezone: ⟦UTC⟧ } }"),
    "spec.invalid-value",
    "add `part`, or remove it",
  ],
  [
    jobText("features: { x: { column: a, part: hour, timezone: ⟦Europe/Berln⟧ } }"),
    "spec.invalid-value",
    "did you mean `Europe/Berlin`?",
  ],
  [jobText("outputs: { p: { columns: { late: ⟦[1]⟧ } } }"), "spec.wrong-type", 'for example `late: "1"`'],
  [
    jobText("outputs: { p: { columns: ⟦{}⟧ } }"),
    "spec.invalid-value",
    'for example `columns: { p_late: "1" }`',
  ],
  [jobText("passthrough: ⟦rset⟧"), "spec.wrong-type", "did you mean `rest`?"],
  [jobText("write: { to: out, mode: ⟦apend⟧ }"), "spec.invalid-value", "did you mean `append`?"],
  [
    jobText("intervals: { every: ⟦dya⟧ }", "write: { to: 'out/{{ ds }}' }"),
    "spec.invalid-value",
    "did you mean `day`?",
  ],
  [jobText("intervals: { every: day, start: ⟦2026-02-30⟧ }"), "spec.invalid-value", "write it as 2026-01-15"],
  [
    jobText("intervals: { every: month, start: ⟦2026-01-31⟧ }"),
    "spec.invalid-value",
    "let months begin on a day from 1 to 28",
  ],
  [
    jobText("intervals: { every: day, timezone: ⟦America/SaoPaulo⟧ }"),
    "spec.invalid-value",
    "did you mean `America/Sao_Paulo`?",
  ],
  [jobText("limits: { threads: ⟦0⟧ }"), "spec.invalid-value", "for example `threads: 4`"],
  [jobText("limits: { threads: ⟦atuo⟧ }"), "spec.wrong-type", "did you mean `auto`?"],
  [jobText('limits: { max_attempts: ⟦"5"⟧ }'), "spec.wrong-type", "remove the quotes"],
  [jobText("limits: { partition_timeout: ⟦30⟧ }"), "spec.wrong-type", "for example `partition_timeout: 30m`"],
  [
    jobText("limits: { partition_timeout: ⟦30 min⟧ }"),
    "spec.invalid-value",
    "for example `partition_timeout: 30m`",
  ],
  [jobText("limits: { memory: ⟦2G⟧ }"), "spec.invalid-value", "for example `memory: 2GiB`"],
  [
    jobText("limits: { on_row_error: quarantine, max_error_fraction: ⟦5⟧ }"),
    "spec.invalid-value",
    "for example `max_error_fraction: 0.001`",
  ],
  [jobText("providers: [cpu, ⟦cdua⟧]"), "spec.invalid-value", "did you mean `cuda`?"],
];

const together: readonly Mistake[] = [
  [jobText("input: { from: data, key: [id, ⟦id⟧] }"), "spec.repeated", "remove one"],
  [jobText("providers: [cpu, ⟦cpu⟧]"), "spec.repeated", "remove one"],
  [
    jobText("passthrough: [date]", "write: { to: out, add: { ⟦date⟧: x } }"),
    "spec.column-clash",
    "give one of them another name",
  ],
  [
    jobText("input: { from: data, key: id }", "outputs: { p: { column: ⟦id⟧ } }"),
    "spec.column-clash",
    "give one of them another name",
  ],
  [
    jobText("passthrough: [date]", "write: { to: out, partition_by: [⟦dates⟧] }"),
    "spec.unknown-column",
    "did you mean `date`?",
  ],
  [
    jobText("passthrough: none", "write: { to: out, partition_by: [⟦dt⟧] }"),
    "spec.unknown-column",
    "add it to `write.add` or `passthrough`",
  ],
  [
    jobText("write: { to: ⟦out⟧ }", day),
    "spec.one-place-for-all-intervals",
    "set `mode: append` or `replace`, or put `{{ ds }}` into `to`",
  ],
  [
    jobText("write: { to: out, mode: ⟦error⟧ }", day),
    "spec.one-place-for-all-intervals",
    "set `mode: append` or `replace`, or put `{{ ds }}` into `to`",
  ],
  [
    jobText("input: { from: data }", "write: { to: ⟦data/out⟧ }"),
    "spec.output-in-input",
    "write outside of `input.from`",
  ],
  [
    jobText("input: { from: 'data/**/*.parquet' }", "write: { to: ⟦data/out⟧ }"),
    "spec.output-in-input",
    "write outside of `input.from`",
  ],
  [
    jobText("write: { to: ⟦predictions.csv⟧, mode: replace }"),
    "spec.not-supported",
    "name a file that ends in `.parquet`, or a directory: one that ends in a slash may be called anything",
  ],
  [jobText("write: { to: out.parquet, mode: ⟦append⟧ }"), "spec.one-file", "name a directory in `to`"],
  [
    jobText("passthrough: [a]", "write: { to: out.parquet, ⟦partition_by⟧: [a] }"),
    "spec.one-file",
    "name a directory in `to`",
  ],
  [
    jobText("limits: { ⟦max_error_rows⟧: 5 }"),
    "spec.unused-budget",
    "set `on_row_error: quarantine` or `emit_null`",
  ],
  [jobText("input: { from: ⟦~/data⟧ }"), "spec.tilde", "write `${HOME}/data`"],
];

const expansions: readonly Mistake[] = [
  [jobText("model: models/⟦${MODLE}⟧.onnx"), "spec.variable", "did you mean `MODEL`?"],
  [jobText("model: ⟦${NOWHERE}⟧"), "spec.variable", "set it, or give a default: `${NOWHERE:-…}`"],
  [jobText("model: ⟦${EMPTY:?name the model}⟧"), "spec.variable", "set EMPTY"],
  [jobText("model: ⟦${MODEL-x}⟧"), "spec.variable", "did you mean `${MODEL:-x}`?"],
  [
    jobText("model: ⟦${1}⟧"),
    "spec.variable",
    "write `${NAME}`, `${NAME:-default}`, `${NAME:?message}` or `${file:path}`",
  ],
  [jobText("model: ⟦${MODEL⟧"), "spec.variable", null],
  [jobText("model: ⟦${file:./nothing}⟧"), "spec.variable", "check the path; it is relative to the spec"],
  [jobText('model: "${MODEL}/⟦${MODLE}⟧"'), "spec.variable", "did you mean `MODEL`?"],
  [
    jobText("input: { from: data }", "write:\n  to: ⟦${DB_PASSWORD:-hunter2}⟧"),
    "spec.literal-password",
    "write `${DB_PASSWORD:?set it}` or `${file:/run/secrets/…}`",
  ],
  [
    jobText("write:\n  to: ⟦out/${API_TOKEN}⟧"),
    "spec.secret-in-job",
    "leave it out; if it is not a secret, take it from another variable, whose name and value do not look like a secret's: without PASSWORD, TOKEN, KEY, CONN or the like, `pwd=` or `sig=`",
  ],
  [
    jobText(
      "input: { from: 'data/⟦{{ dss }}⟧' }",
      "intervals: { every: day }",
      "write: { to: out, mode: append }",
    ),
    "template.unknown-variable",
    "did you mean `ds`?",
  ],
  [jobText("input: { from: 'data/⟦{{ ds }}⟧' }"), "spec.no-intervals", "add `intervals: { every: day }`"],
  [
    jobText("input: { from: 'data/⟦{{ var.region }}⟧' }"),
    "template.unknown-variable",
    "give it with `--var region=…`, declare it under `vars`, or under `targets` in nightshift.yaml",
  ],
  [
    jobText("input: { from: 'data/⟦{{ HOME }}⟧' }"),
    "template.unknown-variable",
    "for the environment write `${HOME}`",
  ],
  [
    jobText("write: { to: out, add: { m: '⟦{{ model.sha }}⟧' } }"),
    "template.unknown-variable",
    "did you mean `model.sha256`?",
  ],
  [jobText("write: { to: 'out/⟦{{ run.id }}⟧' }"), "spec.template-place", "use it in `write.add` only"],
  [
    jobText("name: f-⟦{{ ds }}⟧", "intervals: { every: day }", "write: { to: out, mode: append }"),
    "spec.template-place",
    "write the value, or use `${NAME}`",
  ],
  [
    jobText("write: { to: 'out/⟦{{ ds | upcase }}⟧' }", day),
    "template.unknown-filter",
    "it may be date, lower, upper, replace",
  ],
  [
    jobText("write: { to: 'out/⟦{{ ds + 1 }}⟧' }", day),
    "template.syntax",
    'write a variable and filters, such as `{{ ds | date: "%Y" }}`',
  ],
];

const grammar: readonly Mistake[] = [
  [jobText("name: a\n⟦name⟧: b"), "spec.duplicate-key", "remove one: the first is on line 2"],
  [jobText("limits:\n⟦\t⟧threads: 1"), "spec.yaml", "indent with spaces"],
  [`${jobText()}⟦---⟧\nversion: 1\n`, "spec.yaml", "one file holds one job: remove `---`"],
  [jobText("input: { from: ⟦${DIR}/x⟧ }"), "spec.yaml", 'write "${DIR}/x"'],
  [
    jobText("input: { from: ⟦../x/dt={{ ds }}/*.parquet⟧, key: id }"),
    "spec.yaml",
    'write "../x/dt={{ ds }}/*.parquet"',
  ],
  [jobText("model: ⟦{{ var.model }}.onnx⟧"), "spec.yaml", 'write "{{ var.model }}.onnx"'],
  [jobText("model: ⟦*.onnx⟧"), "spec.unknown-alias", "a value that begins with `*` has to be quoted"],
  [jobText("model: ⟦!env⟧ MODEL"), "spec.yaml", "write `${NAME}` for a variable"],
  [jobText("model: ⟦@⟧model"), "spec.yaml", "quote the value"],
  [
    jobText('model: ⟦"⟧m.onnx'),
    "spec.yaml",
    "close it, or use the other kind of quote around text that holds one",
  ],
  [jobText("limits: { ⟦__proto__⟧: 1 }"), "spec.yaml", "use another one"],
  [jobText("passthrough: &all [⟦*all⟧]"), "spec.circular-alias", "write the value out"],
  [
    `⟦#⟧ nothing but this\n`,
    "spec.empty",
    "begin with `version: 1`, and `name`, `model`, `input` and `write`",
  ],
];

const environment = { MODEL: "m.onnx", EMPTY: "", API_TOKEN: "t0ken-abc" };

describe.each([
  ["an unknown or missing key", unknownAndMissing],
  ["what this version does not do", later],
  ["a value", values],
  ["how parts go together", together],
  ["a variable or template", expansions],
  ["the YAML", grammar],
])("a mistake in %s", (_, mistakes) => {
  it.each(mistakes)("%j is %s", async (marked, code, suggestion) => {
    const { text, range } = unmark(marked);
    project.write("jobs/flights.yaml", text);
    const { diagnostics } = await project.mistakes("jobs/flights.yaml", { environment });
    // One mistake, one diagnostic: nothing is reported twice, nothing follows from it.
    expect(diagnostics).toMatchObject([{ file: "jobs/flights.yaml", ...range, code, suggestion }]);
  });
});

it("reports all mistakes at once, in the order of the file, of nightshift.yaml too", async () => {
  project.write("nightshift.yaml", "default_target: dve\ntargets: { dev: {} }\n");
  project.write(
    "jobs/flights.yaml",
    jobText(
      "model: ${NO_MODEL}",
      "input: { form: data, on_empty: fial }",
      "write: { to: out, mode: upsert, partition_by: [x], add: { dt: '{{ dss }}' } }",
      "limits: { threads: 0, max_error_rows: 1 }",
      "passthrough: none",
      "schedule: daily",
    ),
  );
  const { diagnostics } = await project.mistakes("jobs/flights.yaml");
  expect(diagnostics.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual([
    "1:17 spec.unknown-target",
    "3:8 spec.variable",
    "4:10 spec.unknown-key",
    "4:32 spec.invalid-value",
    "5:25 spec.not-a-database",
    "5:64 template.unknown-variable",
    "6:20 spec.invalid-value",
    "6:23 spec.unused-budget",
    "8:11 spec.wrong-type",
  ]);
});

it("says the same of a mistake in an anchored value once, where it stands", async () => {
  project.write(
    "jobs/flights.yaml",
    jobText("features:\n  a: &rules { column: x, prat: hour }\n  b: *rules\n  c: *rules"),
  );
  const { diagnostics } = await project.mistakes("jobs/flights.yaml");
  expect(diagnostics).toMatchObject([{ line: 7, column: 26, code: "spec.unknown-key" }]);
});
