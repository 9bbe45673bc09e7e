/**
 * Describes how embeddings are stored, because the same job may create a different table in another database.
 */
import { type Schema, typeName } from "../../../data/column.js";
import type { ListLayout } from "../postgres-write.js";
import { isEmbedding } from "./new-types.js";
import { isFiner, isList, isVector } from "./wire.js";
import type { WrittenColumn, WrittenColumns } from "./written-columns.js";

/** @param isMade whether the table will be created */
export function describeVectors(
  written: WrittenColumns | null,
  schema: Schema | null,
  layouts: { readonly [column: string]: ListLayout },
  isMade: boolean,
): readonly string[] {
  return (written?.columns ?? []).flatMap((column) => {
    const output = schema?.[column.from];
    if (output === undefined || !isList(output.type)) return [];
    const isChosen = layouts[output.name] !== undefined;
    const kind = isMade ? ofNew(column, isEmbedding(output), isChosen) : null;
    const digits = digitsOf(column, output.type);
    return [kind, digits].filter((line) => line !== null);
  });
}

function ofNew({ name, type, wire }: WrittenColumn, isOne: boolean, isChosen: boolean): string | null {
  if (isVector(wire))
    return isChosen
      ? `${name} is ${type}`
      : `${name} is ${type}, as the database has pgvector; \`layout: { ${name}: array }\` makes it an array`;
  return isOne && !isChosen ? `${name} is ${type}, as the database has no pgvector` : null;
}

function digitsOf({ name, type, wire }: WrittenColumn, list: Schema[number]["type"]): string | null {
  if (!isVector(wire) || !isList(list) || !isFiner(list, wire)) return null;
  return wire.rounds
    ? `${name} is rounded from ${typeName(list.item)} to ${type}`
    : `${name} is ${typeName(list.item)}, and goes into ${type} where no digit is lost; \`layout: { ${name}: ${wire.kind} }\` rounds it`;
}
