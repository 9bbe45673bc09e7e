/** What is refused of a model whose outputs are not one result a row, or whose rows change one another; and the ways out. */

import type { Dimension, Signature } from "../data/tensor.js";
import { type ModelError, SpecError } from "../errors.js";
import type { Job } from "../job/job.js";
import type { Mapping } from "../mapping/mapping.js";
import { counted } from "../text/human.js";
import type { RowsVerdict } from "./probing/probe-rows.js";

/** An output has another number of rows than went in. */
export function outputNotRows(cause: ModelError): SpecError {
  return new SpecError("refused.output-not-rows", cause.message, {
    hint: `${cause.hint ?? ""} Or leave the output out: name the wanted ones under \`outputs:\`.`.trim(),
    details: cause.details,
    cause,
  });
}

/**
 * An output whose first dimension has another name than the inputs' does not have one row for each input row, even if
 * the numbers happen to agree. Names that exporters make up are ignored.
 */
export function refuseOtherSymbols({ inputs, outputs }: Signature, mapping: Mapping): void {
  const batch = inputs.map(({ shape }) => shape?.[0]).filter(isAuthored);
  if (batch.length === 0 || batch.length < inputs.filter(({ shape }) => shape !== null).length) return;
  for (const { name, shape } of outputs) {
    const first = shape?.[0];
    if (!isAuthored(first) || batch.includes(first)) continue;
    if (mapping.outputs.every(({ output }) => output !== name)) continue;
    throw new SpecError(
      "refused.output-not-rows",
      `The first dimension of output "${name}" is ${first}, and the input's is ${batch[0]}: it is not one result a row.`,
      {
        hint: `Leave the output out: name the wanted ones under \`outputs:\`. If it is one result a row, export the model with ${batch[0]} as the name of its first dimension.`,
        details: { output: name, dimension: first, batch: batch[0] ?? null },
      },
    );
  }
}

/** `unk__6` (tf2onnx), `Gemmoutput_dim_0` (torch.onnx): made up for what an exporter knows nothing of. */
const madeUp = /^(unk_+\d+|.*_dim_\d+|\?|None|-1)$/;

function isAuthored(dimension: Dimension | undefined): dimension is string {
  return typeof dimension === "string" && dimension !== "" && !madeUp.test(dimension);
}

const batchNames = /^(n|bs|batch(_?(size|dim|axis))?|num_?(samples|rows)|n_?(samples|rows))$/i;

/**
 * A dimension that is called batch, behind one that is not: rows would go along the other one, as steps of time.
 * @throws SpecError `refused.batch-not-first`
 */
export function refuseBatchElsewhere({ inputs }: Signature): void {
  for (const { name, shape } of inputs) {
    if (shape === null) continue;
    const [first] = shape;
    if (typeof first === "string" && batchNames.test(first)) continue;
    const at = shape.findIndex((size) => typeof size === "string" && batchNames.test(size));
    // [1, N] is one row of any length.
    if (at < 1 || (typeof first === "number" && /^n$/i.test(String(shape[at])))) continue;
    const written = shape.map((size) => size ?? "?").join(", ");
    throw new SpecError(
      "refused.batch-not-first",
      `Input "${name}" is [${written}]: its batch is dimension ${at}, and rows can only go along dimension 0.`,
      {
        hint: "Export the model with the batch first: `batch_first=True` in PyTorch, or a Transpose in front.",
        details: { input: name, shape: [...shape], dimension: at },
      },
    );
  }
}

/** @throws SpecError by what rows are to one another; nothing where they are independent or the job accepts what they are */
export function refuseUnlessRows(verdict: RowsVerdict, job: Job, signature: Signature): void {
  const path = job.model.path;
  const accepts = job.rows === "dependent";
  switch (verdict.rows) {
    case "frozen-batch":
      throw new SpecError(
        "refused.frozen-batch",
        `${path} only takes batches of exactly ${verdict.batch} rows, though its inputs say otherwise: ${verdict.cause.message}`,
        {
          hint: `Export it with a dynamic batch, or with ${verdict.batch} as the first dimension of its inputs: then batches are filled up.`,
          details: { model: path, batch: verdict.batch, probe: verdict.rows },
        },
      );
    case "one-at-a-time":
      if (!accepts || job.limits.batchRows === 1) return;
      throw new SpecError(
        "refused.frozen-batch",
        `${path} takes one row at a time, and not ${counted(job.limits.batchRows ?? 0, "row")}: ${verdict.cause.message}`,
        {
          hint: "Set limits.batch_rows to 1, or export the model with a dynamic batch.",
          details: { model: path, batch: 1, probe: verdict.rows },
        },
      );
    case "not-deterministic":
      if (accepts) return;
      throw new SpecError(
        "refused.not-deterministic",
        `${path} is not deterministic: the same rows gave other numbers the second time, in output "${verdict.difference.output}".`,
        {
          hint: `Export it for inference (PyTorch: \`model.eval()\`, no dropout, no random numbers). ${acceptIt}`,
          details: {
            model: path,
            output: verdict.difference.output,
            rows: verdict.difference.rows,
            probe: verdict.rows,
          },
        },
      );
    case "dependent":
      if (accepts) return;
      throw new SpecError(
        "refused.rows-dependent",
        `${path} gives a row other numbers in another batch, in output "${verdict.difference.output}"${by(verdict.by, signature)}.`,
        {
          hint: `${exportHint(verdict.by)} ${acceptIt}`,
          details: {
            model: path,
            output: verdict.difference.output,
            rows: verdict.difference.rows,
            by: verdict.by,
            probe: verdict.rows,
          },
        },
      );
    default:
  }
}

const acceptIt =
  "If that is wanted: `rows: dependent` with `limits.batch_rows` in the spec (score: --rows dependent --batch-rows <n>).";

function by(kind: "earlier-rows" | "batch", { inputs }: Signature): string {
  if (kind === "batch") return "";
  const shape = inputs.find((input) => (input.shape?.length ?? 0) > 2)?.shape;
  const written = shape?.map((size) => size ?? "?").join(", ");
  return `: each row depends on the rows before it, as if rows were steps of time${written === undefined ? "" : ` (its input is [${written}])`}`;
}

function exportHint(kind: "earlier-rows" | "batch"): string {
  return kind === "earlier-rows"
    ? "Export it with the batch as its first dimension (`batch_first=True` in PyTorch)."
    : "Export it for inference: static quantisation instead of dynamic, no softmax over rows, no normalisation in training mode.";
}

/** What people should know of rows that are not independent. */
export function rowsWarnings(verdict: RowsVerdict, { rows, limits }: Job): readonly string[] {
  switch (verdict.rows) {
    case "one-at-a-time":
      return [
        "The model takes one row at a time (its batch is frozen inside), so each row is a model call of its own: many times slower than an export with a dynamic batch.",
      ];
    case "not-deterministic":
    case "dependent":
      return [
        `${verdict.rows === "dependent" ? "Predictions depend on the batch" : "Predictions differ from call to call"}, which the job accepts: batches of ${limits.batchRows} rows in input order, and no search for rows that fail.`,
      ];
    case "untried":
      return [
        "The model takes none of the rows that were tried, so it is not known whether rows are independent.",
      ];
    default:
      return rows === "dependent"
        ? [`Rows are dependent by the spec; none of those that were tried changed another.`]
        : [];
  }
}
