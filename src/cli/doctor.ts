import type { Command } from "commander";
import { checkClock, checkFileSystem, checkMachine, checkNode } from "./doctor/checks.js";
import { checkEngine, checkWholePath } from "./doctor/engine.js";
import type { Finding } from "./doctor/finding.js";
import { renderTable } from "./output/table.js";
import { type Cli, printJson } from "./shell/context.js";

interface DoctorFlags {
  readonly output?: string;
}

export function declare(command: Command): void {
  command.option(
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
  note(await checkFileSystem("output file system", output));
  note(await checkClock(cli.settings.stateDir, cli.clock));
  note(await checkEngine());
  note(await checkWholePath(cli));
  const healthy = findings.every(({ result }) => result !== "fail");
  if (cli.globals.json) printJson(cli.out, { healthy, findings });
  else show(cli, findings);
  return healthy ? 0 : 1;
}

function show({ out }: Cli, findings: readonly Finding[]): void {
  const { paint } = out;
  const colours = { ok: paint.green, warn: paint.yellow, fail: paint.red };
  const rows = findings.map(({ check, result, detail }) => [result, check, detail]);
  const style = (cell: string) => {
    const result = cell.trim();
    return result === "ok" || result === "warn" || result === "fail" ? colours[result](cell) : cell;
  };
  out.line(renderTable([{ title: "", style }, { title: "check" }, { title: "found" }], rows, out));
  for (const { check, hint } of findings)
    if (hint !== undefined) out.line(`\n${paint.yellow(check)}: ${hint}`);
}
