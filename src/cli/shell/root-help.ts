import { terminalFromProcess } from "../../config.js";
import { commands } from "./commands.js";

/** Help is text for people: in a pipe, too, it has the width that COLUMNS says, or else of a usual terminal. */
export function helpWidth(): number {
  return process.stdout.columns || terminalFromProcess().columns || 80;
}

/** Help for the whole program. Needs no parser, so that it is there at once. */
export function rootHelp(): string {
  const groups = [...new Set(commands.map((command) => command.group))].map((group) => {
    const members = commands.filter((command) => command.group === group);
    return [group, ...members.map(({ name, summary }) => `  ${name.padEnd(nameCells)}${summary}`)].join("\n");
  });
  return `Usage: nightshift <command> [options]

Scores Parquet files and tables of PostgreSQL with ONNX models, and publishes the predictions exactly once.

${groups.join("\n\n")}

Everywhere:
${globalOptions.map(([flags, meaning]) => `  ${flags.padEnd(flagCells)}${meaning}`).join("\n")}

Examples:
  nightshift demo
  nightshift score model.onnx 'data/*.parquet' -o predictions/
  nightshift run flight-delay --at 2026-01-15

Exit codes:
  0         done, or already published
  1         data, model or run failed; cancelled
  2         wrong use, or refused
  3         a server is unreachable
  4         published with quarantined rows
  70        a bug
  130, 143  interrupted; retry resumes the run
`;
}

const nameCells = 14;
const flagCells = 22;

const globalOptions: readonly (readonly [string, string])[] = [
  ["-h, --help", "help for a command: nightshift score --help"],
  ["--json", "data as JSON on stdout; run events as NDJSON"],
  ["-q, --quiet", "only warnings and errors"],
  ["-v, --verbose", "every partition, where the time went, causes of errors"],
  ["--progress <how>", "auto, bar, plain, json or none"],
  ["--no-color", "no colours; so do NO_COLOR and TERM=dumb"],
  ["--state <dir>", "where runs are recorded (default: .nightshift beside jobs/)"],
  ["--ledger <url>", "a PostgreSQL database that records runs instead (NIGHTSHIFT_LEDGER)"],
  ["--target <name>", "target of nightshift.yaml: dev, prod, ..."],
  ["-V, --version", "the version"],
];
