/** Reports before a run which features have nulls that the mapping does not accept, according to the files' footers. */
import type { NullCount, Schema } from "../data/column.js";
import type { RowPolicy } from "../job/job.js";
import type { PlanTotals } from "../job/partition.js";
import type { Plan } from "../job/plan.js";
import { listShape } from "../mapping/casts.js";
import { abridged } from "../mapping/did-you-mean.js";
import type { BoundColumn, InputBinding, Mapping } from "../mapping/mapping.js";
import { nullsFix } from "../scoring/null-fix.js";
import { describeBudget, exceedsBudget, knownRows } from "../scoring/row-policy.js";
import type { Source } from "../sources/source.js";
import { count, counted } from "../text/human.js";

/** Up to this number of columns, each gets a sentence of its own. */
const mostSentences = 4;

export interface ExpectedNulls {
  readonly nulls: NonNullable<Plan["nulls"]>;
  readonly warnings: readonly string[];
}

export interface NullsQuestion {
  readonly source: Source;
  readonly schema: Schema;
  readonly mapping: Mapping;
  readonly totals: Pick<PlanTotals, "rows" | "rowsEstimated">;
  readonly rowPolicy: RowPolicy;
}

/** Nulls of feature columns, and what comes of those that fail their rows. Nothing where the source does not know. */
export async function expectedNulls(question: NullsQuestion): Promise<ExpectedNulls> {
  const counts = await question.source.nulls?.();
  if (counts === undefined) return { nulls: {}, warnings: [] };
  const fed = fedColumns(question.mapping.inputs).flatMap((one) => {
    const found = counts.get(one.column.path[0] ?? "");
    return found === undefined || isQuiet(one.column, found, question.schema) ? [] : [{ ...one, ...found }];
  });
  const nulls = Object.fromEntries(
    fed.map(({ column, nulls, unknown }) => [column.column, { nulls, unknown }]),
  );
  const failing = fed.filter(({ column }) => column.nulls === "error");
  return { nulls, warnings: warningsOf(failing, question) };
}

interface FedColumn {
  readonly column: BoundColumn;
  readonly binding: InputBinding;
}

/** Each column once, where a null of it fails its row if any does. */
function fedColumns(inputs: readonly InputBinding[]): readonly FedColumn[] {
  const fed = new Map<string, FedColumn>();
  for (const binding of inputs) {
    if (binding.kind === "constant" || binding.kind === "mask") continue;
    for (const column of binding.kind === "columns" ? binding.columns : [binding.column])
      if (!fed.has(column.column) || column.nulls === "error") fed.set(column.column, { column, binding });
  }
  return [...fed.values()];
}

/** Footers never count nulls inside of lists and structs: that is no news. */
function isQuiet(column: BoundColumn, { nulls, unknown }: NullCount, schema: Schema): boolean {
  if (nulls > 0) return false;
  const isNested = column.path.length > 1 || listShape(column.type) !== null;
  const isNullable = schema.find(({ name }) => name === column.path[0])?.nullable !== false;
  return unknown === 0 || isNested || !isNullable;
}

type Counted = FedColumn & NullCount;

function warningsOf(failing: readonly Counted[], { totals, rowPolicy }: NullsQuestion): readonly string[] {
  const known = failing.filter(({ nulls }) => nulls > 0);
  const unknown = failing.filter(({ nulls }) => nulls === 0).map(({ column }) => column.column);
  const fate = fateOf(rowPolicy);
  const [first] = known;
  const sentences =
    first === undefined || known.length <= mostSentences
      ? known.map(
          (one) =>
            `${one.column.column}: ${rowsText(one, totals)} null; ${fate}. ${nullsFix(one.column, one.binding)}`,
        )
      : [
          `${counted(known.length, "column")} that feed the model have nulls: ` +
            `${abridged(
              known.map((one) => `${one.column.column} (${amount(one)})`),
              6,
            )}; ${fate}. ` +
            nullsFix(first.column, first.binding),
        ];
  return [
    ...sentences,
    ...(unknown.length === 0
      ? []
      : [`the files do not say how many rows of ${abridged(unknown, 6)} are null; if any is, ${fate}`]),
    ...overspent(known, { totals, rowPolicy }),
  ];
}

function amount({ nulls, unknown }: NullCount): string {
  return `${unknown > 0 ? "at least " : ""}${count(nulls)}`;
}

function rowsText(one: NullCount, { rows }: Pick<PlanTotals, "rows">): string {
  return `${amount(one)} of ${counted(rows, "row")} ${one.nulls === 1 ? "is" : "are"}`;
}

function fateOf({ onRowError }: RowPolicy): string {
  switch (onRowError) {
    case "fail":
      return "the run fails at the first (on_row_error: fail)";
    case "quarantine":
      return "they are quarantined (on_row_error: quarantine)";
    case "emit_null":
      return "their predictions are null (on_row_error: emit_null)";
  }
}

/** Nulls of several columns may be in the same rows: the largest count is the least that fails. */
function overspent(
  known: readonly NullCount[],
  { totals, rowPolicy }: Pick<NullsQuestion, "totals" | "rowPolicy">,
): readonly string[] {
  if (rowPolicy.onRowError === "fail" || known.length === 0) return [];
  const rows = knownRows(totals);
  const least = Math.max(...known.map(({ nulls }) => nulls));
  const most = Math.min(
    known.reduce((sum, { nulls }) => sum + nulls, 0),
    totals.rows,
  );
  const budget = describeBudget(rowPolicy);
  if (exceedsBudget(rowPolicy, least, rows))
    return [`at least ${counted(least, "row")} will fail, more than ${budget} allows: the run will fail`];
  if (exceedsBudget(rowPolicy, most, rows))
    return [`up to ${counted(most, "row")} will fail, which may be more than ${budget} allows`];
  return [];
}
