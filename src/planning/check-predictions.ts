/**
 * Scores the rows of a job's `check` with the run's own mapping, engine and batches, and compares the predictions with the
 * training library's. An export that lost something on the way is noticed nowhere else.
 */

import { columnOf } from "../data/arrow/columns.js";
import type { Schema } from "../data/column.js";
import { SpecError } from "../errors.js";
import type { ModelTrial, NoteRow } from "../host/host.js";
import type { CheckSpec } from "../job/job.js";
import type { ComparedColumn, PlannedCheck, PlannedHook } from "../job/plan.js";
import type { BoundColumn, Mapping } from "../mapping/mapping.js";
import { createProblems } from "../mapping/problems.js";
import { rebindInput, rebindOutput } from "../mapping/rebind-columns.js";
import { addedBy, hookSteps, namesOf } from "../scoring/hooks/hook-steps.js";
import type { Reasons } from "../scoring/row-policy.js";
import { count, counted } from "../text/human.js";
import { compareScored } from "./compare-scored.js";
import { cellsOf } from "./comparing/cells.js";
import { compareColumns } from "./comparing/compare-columns.js";
import { expectedColumns, predictedColumns } from "./comparing/expected-columns.js";
import type { OpenedFile } from "./expected-file.js";
import type { PlannerParts, PreparedJob, SettledJob } from "./prepared-job.js";

export interface CheckedRows extends PlannedCheck {
  /** Rows that could not be scored, by reason. */
  readonly failed: Reasons;
}

/** @throws SpecError `check.columns`, `mapping.*` where the file's columns are not those that the job reads */
export async function checkPredictions(
  { file, tolerance }: CheckSpec,
  opened: OpenedFile,
  checked: CheckParts,
  signal: AbortSignal,
): Promise<CheckedRows> {
  const { prepared, settled, parts } = checked;
  const { job, files, loaded } = prepared;
  const { profile } = settled;
  const hooks = preHooks(settled.hooks, prepared, opened.schema);
  const needed = neededColumns(settled.mapping, hooks, prepared);
  const allowed = [...settled.mapping.reads, ...job.input.key, ...hooks.flatMap(({ reads }) => reads)];
  const expected = expectedColumns({ file, schema: opened.schema, needed, allowed }, settled.mapping);
  const names = namesOf(expected);
  const inputs = opened.schema.filter(({ name }) => !names.includes(name));
  const mapping = rebound(settled.mapping, [...inputs, ...addedBy("pre-hook", hooks)], file);
  const reads = [...new Set([...needed, ...hooks.flatMap((hook) => hook.reads), ...names])];
  const comparison = compareColumns(expected, mapping, tolerance);
  const predictor = await parts.runtime.load(prepared.model.assets, profile);
  try {
    const steps = hookSteps({ job, inputSchema: inputs, mapping, hooks }, loaded);
    const failed = await compareScored(
      {
        job: { ...job, input: { ...job.input, key: [] } },
        ...{ mapping, files, predictor, profile, hooks: steps, clock: parts.clock },
        noteRow: notedRows(checked),
      },
      opened.read(reads, profile.chunkRows, signal),
      comparison,
      function* (_predicted, { batch, origin }) {
        const cells = new Map(names.map((name) => [name, cellsOf(columnOf(batch, name))]));
        for (let row = 0; row < batch.numRows; row++)
          yield {
            predicted: row,
            expected: (column) => cells.get(column)?.(row) ?? null,
            number: origin.firstRow + row,
          };
      },
      signal,
    );
    return { rows: opened.rows, tolerance, columns: comparison.result(), failed };
  } finally {
    await predictor.close();
  }
}

export interface CheckParts {
  readonly prepared: PreparedJob;
  readonly settled: SettledJob;
  readonly parts: PlannerParts;
  /** Scores row by row if rows killed a host together. */
  readonly trial: ModelTrial;
}

/** What notes rows, if they are to be scored one by one. */
export function notedRows({ parts, trial }: Pick<CheckParts, "parts" | "trial">): NoteRow | undefined {
  return trial === "rows" ? undefined : parts.noteRow;
}

/** @throws SpecError `refused.check-failed` where a row differs. Values of rows are not shown. */
export function refuseDifferent(file: string, { rows, tolerance, columns, failed }: CheckedRows): void {
  const different = columns.filter((column) => column.different > 0);
  if (different.length === 0) return;
  const unscored = Object.entries(failed).map(([reason, times]) => `${counted(times, "row")}: ${reason}`);
  const cannot = unscored.length === 0 ? "" : ` Some could not be scored (${unscored.join(", ")}).`;
  throw new SpecError(
    "refused.check-failed",
    `the predictions are not those of ${file}: ${different.map((column) => differenceText(column, rows)).join("; ")}.${cannot}`,
    {
      hint: "Export the model again as docs/export.md shows, and make sure that both read the same columns in the same order and precision. If the file is of another model, make it again; a larger difference can be allowed with check.tolerance.",
      details: {
        file,
        rows,
        tolerance,
        failed: { ...failed },
        columns: columns.map((column) => ({ ...column, firstRows: [...column.firstRows] })),
      },
    },
  );
}

function differenceText({ column, different, worst, firstRows }: ComparedColumn, rows: number): string {
  const by = worst === null ? "have another label" : `differ, the worst by ${worst.toPrecision(2)}`;
  return `column "${column}": ${count(different)} of ${counted(rows, "row")} ${by}, row ${firstRows[0] ?? 0} first`;
}

/** Returns the columns of the file that `pre` reads: those it names, else the input's columns that the file has. */
function preHooks(
  planned: readonly PlannedHook[],
  { loaded }: PreparedJob,
  schema: Schema,
): readonly PlannedHook[] {
  const names = namesOf(schema);
  return planned
    .filter(({ role }) => role === "pre-hook")
    .map((hook) =>
      (loaded.get(hook.role)?.reads ?? null) === null
        ? { ...hook, reads: hook.reads.filter((name) => names.includes(name)) }
        : hook,
    );
}

/** Columns of the input that feed the model, by way of a hook or not. */
function neededColumns(
  { inputs, outputs }: Mapping,
  hooks: readonly PlannedHook[],
  { loaded }: PreparedJob,
): readonly string[] {
  const made = namesOf(addedBy("pre-hook", hooks));
  const bound = [
    ...inputs.flatMap((binding): readonly BoundColumn[] => {
      if (binding.kind === "columns") return binding.columns;
      return binding.kind === "constant" ? [] : [binding.column];
    }),
    ...outputs.flatMap((binding) =>
      binding.kind === "top-k" && binding.exclude !== null ? [binding.exclude] : [],
    ),
  ];
  const named = loaded.get("pre-hook")?.reads ?? [];
  const columns = bound.map(({ path, column }) => path[0] ?? column).filter((name) => !made.includes(name));
  return [...new Set([...columns, ...named])];
}

/** The mapping over the file's rows, with predictions alone as its output. */
function rebound(mapping: Mapping, schema: Schema, file: string): Mapping {
  const problems = createProblems();
  const inputs = mapping.inputs.map((binding) => rebindInput(binding, schema, problems));
  try {
    problems.throwIfAny();
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    throw new SpecError(error.code, `${file}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: { ...error.details, file },
    });
  }
  const outputs = mapping.outputs.map((binding) => rebindOutput(binding, schema));
  return { ...mapping, inputs, outputs, passthrough: [], added: [], columns: predictedColumns(mapping) };
}
