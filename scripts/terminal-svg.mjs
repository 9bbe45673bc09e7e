// Turns what a command printed on a terminal into an SVG, for documents:
//   script -qec "npm run --silent demo" /dev/null | node scripts/terminal-svg.mjs "npm run demo" > docs/demo.svg
// Colours, bold and dim text are kept; escape sequences that move the cursor are not understood and refused.
import { text } from "node:stream/consumers";

const [command = "", until] = process.argv.slice(2);
const size = { column: 7.8, line: 18, margin: 16, bar: 28 };
const colours = {
  31: "#ff7b72",
  32: "#7ee787",
  33: "#f2cc60",
  34: "#79c0ff",
  35: "#d2a8ff",
  36: "#76e3ea",
  90: "#8b949e",
};
const sgr = new RegExp(`${String.fromCharCode(27)}\\[([\\d;]*)([A-Za-z])`, "g");

const printed = (await text(process.stdin)).replaceAll("\r\n", "\n").trimEnd().split("\n");
const end = until === undefined ? -1 : printed.findIndex((line) => line.includes(until));
const lines = [
  [
    { text: "$ ", style: { dim: true } },
    { text: command, style: { bold: true } },
  ],
];
let style = {};
for (const line of end < 0 ? printed : printed.slice(0, end)) lines.push(spansOf(line));

const columns = Math.max(
  ...lines.map((spans) => spans.reduce((sum, span) => sum + [...span.text].length, 0)),
);
const width = Math.ceil(columns * size.column + 2 * size.margin);
const height = lines.length * size.line + size.bar + 2 * size.margin - 6;

console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(command)} in a terminal">
<rect width="${width}" height="${height}" rx="8" fill="#0d1117" stroke="#30363d"/>
<circle cx="18" cy="16" r="5" fill="#ff5f57"/><circle cx="36" cy="16" r="5" fill="#febc2e"/><circle cx="54" cy="16" r="5" fill="#28c840"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13" fill="#e6edf3" xml:space="preserve">
${lines.map(drawn).filter(Boolean).join("\n")}
</g>
</svg>`);

/** Parts of a line of one style each; the style goes on in the next line. */
function spansOf(line) {
  const spans = [];
  let from = 0;
  for (const found of line.matchAll(sgr)) {
    const [whole, codes, kind] = found;
    if (kind !== "m") throw new Error(`an escape sequence that is no colour: ${JSON.stringify(whole)}`);
    spans.push({ text: line.slice(from, found.index), style });
    for (const code of codes.split(";")) style = styled(Number(code));
    from = found.index + whole.length;
  }
  spans.push({ text: line.slice(from).trimEnd(), style });
  return spans.filter((span) => span.text !== "");
}

function styled(code) {
  if (code === 0) return {};
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 39) return { ...style, colour: undefined };
  if (code in colours) return { ...style, colour: colours[code] };
  throw new Error(`a style that is not known: ${code}`);
}

/** Every part says how wide it is, so that columns stay columns in any font. */
function drawn(spans, at) {
  const y = size.bar + size.margin + at * size.line;
  let column = 0;
  return spans
    .map(({ text: part, style: { bold, dim, colour } }) => {
      const before = part.length - part.trimStart().length;
      const cells = [...part.trim()].length;
      const x = (size.margin + (column + before) * size.column).toFixed(1);
      column += [...part].length;
      if (cells === 0) return "";
      const fill = colour ?? (dim ? "#8b949e" : null);
      const look = `${fill === null ? "" : ` fill="${fill}"`}${bold ? ' font-weight="bold"' : ""}`;
      return `<text x="${x}" y="${y}" textLength="${(cells * size.column).toFixed(1)}"${look}>${escaped(part.trim())}</text>`;
    })
    .filter(Boolean)
    .join("\n");
}

function escaped(part) {
  return part
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
