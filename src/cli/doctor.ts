import type { Command } from "commander";
import { checkClock, checkFileSystem, checkMachine, checkNode, checkPrivacy } from "./doctor/checks.js";
import { checkEngine, checkWholePath } from "./doctor/engine.js";
import type { Finding } from "./doctor/finding.js";
import { checkLedger } from "./doctor/ledger.js";
import { checkProtection } from "./doctor/protection.js";
import { checkProviders } from "./doctor/providers.js";
import { checkQueue } from "./doctor/queue.js";
import { renderTable } from "./output/table.js";
import { declareQueue } from "./running/run-options.js";
import { type Cli, printJson } from "./shell/context.js";

interface DoctorFlags {
  readonly output?: string;
}

export function declare(command: Command): void {
  declareQueue(command).option(
    "-o, --output <dir>",
    "also check the file system that predictions will be written to (default: here)",
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const output = command.opts<DoctorFlags>().output ?? cli.cwd;
  const findings: Finding[] = [];
  const note = (finding: Finding) => findings.push(finding);
  note(checkNode(process.versions.node));
  for (const finding of checkMachine(cli.settings)) note(finding);
  note(await checkFileSystem("state directory", cli.settings.stateDir));
  for (const finding of await checkPrivacy(cli.settings.stateDir)) note(finding);
  note(await checkFileSystem("output file system", output));
  if (cli.settings.ledger !== null) for (const finding of await checkLedger(cli)) note(finding);
  if (cli.settings.queue !== null) for (const finding of await checkQueue(cli)) note(finding);
  for (const finding of await checkProtection(cli)) note(finding);
  note(await checkClock(cli.settings.stateDir, cli.clock));
  for (const finding of await checkEngine()) note(finding);
  for (const finding of await checkProviders(cli)) note(finding);
  note(await checkWholePath(cli));
  const healthy = findings.every(({ result }) => result !== "fail");
  if (cli.globals.json) printJson(cli.out, { healthy, findings });
  else show(cli, findings);
  return healthy ? 0 : 1;
}

function show({ out, globals }: Cli, findings: readonly Finding[]): void {
  const { paint } = out;
  const colours = { ok: paint.green, warn: paint.yellow, off: paint.dim, fail: paint.red };
  const rows = findings.map(({ check, result, detail }) => [result, check, detail]);
  const style = (cell: string) => {
    const result = cell.trim();
    return isResult(result) ? colours[result](cell) : cell;
  };
  out.line(renderTable([{ title: "", style }, { title: "check" }, { title: "found" }], rows, out));
  // How to enable optional features is shown only in verbose output.
  for (const { check, result, hint } of findings)
    if (hint !== undefined && (result !== "off" || globals.verbose))
      out.line(`\n${paint.yellow(check)}: ${hint}`);
}

function isResult(text: string): text is Finding["result"] {
  return ["ok", "warn", "off", "fail"].includes(text);
}
