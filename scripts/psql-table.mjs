// A result of `pg` as psql shows it: titles centred, numbers to the right, a line that counts the rows.

/** OIDs of the types whose values psql puts to the right. */
const numbers = new Set([20, 21, 23, 26, 700, 701, 1700]);

export function psqlTable({ fields, rows }) {
  const cells = rows.map((row) => fields.map(({ name }) => shown(row[name])));
  const widths = fields.map(({ name }, at) => Math.max(name.length, ...cells.map((row) => row[at].length)));
  const line = (row) =>
    ` ${row.map((cell, at) => (numbers.has(fields[at].dataTypeID) ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join(" | ")}`.trimEnd();
  return [
    ` ${fields.map(({ name }, at) => centred(name, widths[at])).join(" | ")}`.trimEnd(),
    widths.map((width) => "-".repeat(width + 2)).join("+"),
    ...cells.map(line),
    `(${rows.length} ${rows.length === 1 ? "row" : "rows"})`,
  ].join("\n");
}

function shown(value) {
  if (value === null) return "";
  return typeof value === "boolean" ? (value ? "t" : "f") : String(value);
}

function centred(text, width) {
  return text.padStart(text.length + Math.floor((width - text.length) / 2)).padEnd(width);
}
