/**
 * Detects a table that was altered between staging and publishing: the server would convert and round values
 * silently.
 */
import { SpecError } from "../../errors.js";
import type { Table, TableColumn } from "../../postgres/catalogue.js";

/**
 * @param staged columns as they were staged: with the types that the table had then
 * @throws SpecError `refused.target-altered`
 */
export function refuseAltered(text: string, table: Table, staged: readonly TableColumn[]): void {
  const changes = staged.flatMap((before) => {
    const now = table.columns.find(({ name }) => name === before.name);
    if (now === undefined) return [`${before.name} is gone`];
    if (now.typeOid !== before.typeOid || now.modifier !== before.modifier)
      return [`${before.name} was ${before.type}, and is ${now.type}`];
    return now.generated ? [`the table computes ${before.name} itself now`] : [];
  });
  if (changes.length === 0) return;
  throw new SpecError(
    "refused.target-altered",
    `${text} was altered after the predictions were staged: ${changes.join("; ")}. Nothing is published.`,
    {
      hint: "Alter it back and finish with nightshift retry, or start over with --restart.",
      details: { table: text, changes },
    },
  );
}
