/** What `init` writes about nulls: a rule for each feature column that has some, and what the rules do. */
import { CancelledError } from "../../errors.js";
import { abridged } from "../../mapping/did-you-mean.js";
import type { BoundColumn, InputBinding, Mapping } from "../../mapping/mapping.js";
import { count } from "../../text/human.js";
import type { SeenData } from "./seen-data.js";

export interface NullChoices {
  /** With the rules for nulls that a plan comes to. */
  readonly mapping: Mapping;
  /** Columns whose rule is written. */
  readonly columns: ReadonlySet<string>;
  /** For people, as comments. */
  readonly lines: readonly string[];
}

/** Longer lists of columns are summarised. */
const mostNamed = 8;

/**
 * @param plan plans the job; called only where the model has to be tried to know whether it takes missing values. Where
 *   that fails the job is not sound, which is shown once it is written.
 */
export async function nullChoices(
  mapping: Mapping,
  { rows, nulls }: Pick<SeenData, "rows" | "nulls">,
  plan: () => Promise<Mapping>,
): Promise<NullChoices> {
  const having = columnsOf(mapping.inputs).filter(({ path }) => (nulls.get(path[0] ?? "") ?? 0) > 0);
  if (having.length === 0) return { mapping, columns: new Set(), lines: [] };
  const names = [...new Set(having.map(({ column }) => column))];
  const counts = having.map(({ column, path }) => [column, count(nulls.get(path[0] ?? "") ?? 0)] as const);
  const told = [...new Map(counts)].map(([column, number]) => `${column} ${number}`);
  return {
    mapping: having.some((column) => column.nulls === "nan") ? await asPlanned(mapping, plan) : mapping,
    columns: new Set(names),
    lines: [
      `Nulls in ${count(rows)} rows: ${abridged(told, mostNamed)}. \`nulls:\` says what becomes of them:`,
      "error: the row fails, as limits.on_row_error says; reject: the row is quarantined;",
      "nan: a missing value, for floats and models that know it; any other value takes the null's place.",
    ],
  };
}

async function asPlanned(mapping: Mapping, plan: () => Promise<Mapping>): Promise<Mapping> {
  const planned = await plan().catch((error: unknown) => {
    if (error instanceof CancelledError) throw error;
    return mapping;
  });
  const rules = new Map(columnsOf(planned.inputs).map(({ column, nulls }) => [column, nulls]));
  const ruled = (column: BoundColumn): BoundColumn => ({
    ...column,
    nulls: rules.get(column.column) ?? column.nulls,
  });
  const inputs = mapping.inputs.map((binding): InputBinding => {
    if (binding.kind === "columns") return { ...binding, columns: binding.columns.map(ruled) };
    return binding.kind === "list" ? { ...binding, column: ruled(binding.column) } : binding;
  });
  return { ...mapping, inputs };
}

function columnsOf(inputs: readonly InputBinding[]): readonly BoundColumn[] {
  return inputs.flatMap((binding) => {
    if (binding.kind === "columns") return binding.columns;
    return binding.kind === "list" ? [binding.column] : [];
  });
}
