import type { Command } from "commander";
import { exitCodes, SpecError } from "../errors.js";
import { placeOf, targetOf, type WriteSpec } from "../job/output.js";
import { outputFor } from "../service/outputs.js";
import { shownTarget } from "../service/paths.js";
import type { Verified } from "../sinks/sink.js";
import { bytes, counted } from "../text/human.js";
import { type Cli, printJson } from "./shell/context.js";

interface VerifyFlags {
  readonly output?: string;
}

export function declare(command: Command): void {
  command.option("--output <job|path>", "the same as the argument");
  command.addHelpText(
    "after",
    "\nCompares size and SHA-256 of every published file with the log: reads every file once. Exit code 1 where one is missing or damaged.",
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const output = namedOutput(command.args[0], command.opts<VerifyFlags>().output);
  const write = await outputFor(cli, output);
  const place = placeOf(write);
  if (place.is === "table")
    throw new SpecError("usage.no-files", `${targetOf(write)} is a table: it has no files to verify`, {
      hint: place.insteadOfVerify,
    });
  const sink = await (await cli.app()).sink(write);
  const verified = await sink.verify();
  if (cli.globals.json) printJson(cli.out, { output: targetOf(write), ...verified });
  else tell(cli, write, verified);
  return verified.damaged.length === 0 ? exitCodes.ok : exitCodes.failed;
}

/** The job or path, which may be given as the argument or as the option, but not as both. */
function namedOutput(argument: string | undefined, option: string | undefined): string {
  if (argument !== undefined && option !== undefined)
    throw new SpecError(
      "usage.invalid-argument",
      "an output is named twice, as the argument and as --output",
      {
        hint: "Leave one of them out.",
      },
    );
  const output = argument ?? option;
  if (output !== undefined) return output;
  throw new SpecError("usage.verify-what", "nothing is named to verify", {
    hint: "Name a job or the path of an output: nightshift verify <job|path>",
  });
}

function tell(
  { out, err, globals, cwd }: Cli,
  write: WriteSpec,
  { files, bytes: size, damaged }: Verified,
): void {
  for (const { path, problem } of damaged) out.line(`${problem}\t${path}`);
  if (globals.quiet) return;
  const target = shownTarget(write, cwd);
  if (files === 0) err.line(`nothing is published at ${target}`);
  else if (damaged.length === 0)
    err.line(`${err.paint.green("whole")}: ${counted(files, "file")}, ${bytes(size)} at ${target}`);
  else {
    err.line(err.paint.red(`${damaged.length} of ${counted(files, "file")} at ${target} damaged or missing`));
    err.line(
      "hint: Restore them from a backup, score what they came from again with --reprocess, or use nightshift rollback.",
    );
  }
}
