import { typeName } from "../../data/column.js";
import type { InspectedInput } from "../../host/host.js";
import { type Connection, tableText as nameText, type TableName } from "../../job/connection.js";
import { counted } from "../../text/human.js";
import { renderTable, type TableOptions } from "../output/table.js";

export interface InspectedTable {
  readonly connection: Connection;
  readonly table: TableName;
}

export function tableJson({ connection, table }: InspectedTable, { rows, schema }: InspectedInput): unknown {
  return {
    table: {
      database: connection.address,
      name: nameText(table),
      rows,
      rowsEstimated: true,
      columns: schema.map(({ name, type, nullable }) => ({ name, type: typeName(type), nullable })),
    },
  };
}

export function tableText(
  { connection, table }: InspectedTable,
  { rows, schema }: InspectedInput,
  options: TableOptions,
): string {
  const columns = schema.map(({ name, type, nullable }) => [
    name,
    typeName(type),
    nullable ? "may be null" : "",
    type.kind === "other" ? "cannot be read: see docs/postgres.md" : "",
  ]);
  return [
    `${options.paint.bold(`about ${counted(rows, "row")}`)} in ${connection.address}/${nameText(table)}`,
    renderTable([{ title: "column" }, { title: "type" }, { title: "" }, { title: "" }], columns, options),
  ].join("\n\n");
}
