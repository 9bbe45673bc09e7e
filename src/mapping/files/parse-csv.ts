/** CSV as RFC 4180 has it: quotes around what holds commas, quotes or line ends, quotes inside doubled. */

export interface Csv {
  readonly header: readonly string[];
  readonly rows: readonly CsvRow[];
}

export interface CsvRow {
  /** One-based line that it begins on. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** @throws RangeError that says what is wrong and in which line */
export function parseCsv(text: string): Csv {
  const [header, ...rows] = [...readRows(text.replace(/^\uFEFF/, ""))];
  if (header === undefined) throw new RangeError("it is empty");
  const odd = rows.find(({ cells }) => cells.length !== header.cells.length);
  if (odd !== undefined)
    throw new RangeError(
      `line ${odd.line} has ${odd.cells.length} values, and the header ${header.cells.length}`,
    );
  return { header: header.cells, rows };
}

/** A cell: quoted or bare, then what ends it. Sticky, so that nothing is skipped. */
const cellSyntax = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/y;

function* readRows(text: string): Generator<CsvRow> {
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const cells: string[] = [];
    const first = line;
    let isQuoted = false;
    for (let end = ","; end === ","; ) {
      cellSyntax.lastIndex = at;
      const match = cellSyntax.exec(text);
      if (match === null) throw new RangeError(`line ${line} has a quote that is out of place`);
      const [whole, quoted, bare = "", ending = ""] = match;
      isQuoted ||= quoted !== undefined;
      cells.push(quoted === undefined ? bare : quoted.replaceAll('""', '"'));
      line += (quoted?.match(/\r\n|\n|\r/g)?.length ?? 0) + (ending === "," || ending === "" ? 0 : 1);
      at += whole.length;
      end = ending;
    }
    // An empty line is nothing; `""` alone on a line is the empty text, as writers of one column have it.
    if (cells.length > 1 || isQuoted || cells[0] !== "") yield { line: first, cells };
  }
}
