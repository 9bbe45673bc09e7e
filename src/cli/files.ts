import type { Command } from "commander";
import { SpecError } from "../errors.js";
import { placeOf, targetOf } from "../job/output.js";
import { outputFor } from "../service/outputs.js";
import { type Cli, printJson } from "./shell/context.js";

export function declare(command: Command): void {
  command.addHelpText(
    "after",
    `
The paths belong to one whole publication and stay valid while a newer one appears:
  duckdb -c "select count(*) from read_parquet([$(nightshift files predictions/ | sed "s/.*/'&'/" | paste -sd,)])"`,
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const write = await outputFor(cli, command.args[0] ?? "");
  const place = placeOf(write);
  if (place.is === "table")
    throw new SpecError("usage.no-files", `${targetOf(write)} is a table: it has no files`, {
      hint: place.insteadOfFiles,
    });
  const sink = await (await cli.app()).sink(write);
  const files = await sink.files();
  if (cli.globals.json) printJson(cli.out, { output: targetOf(write), files });
  else for (const file of files) cli.out.line(file.path);
  if (files.length === 0 && !cli.globals.json && !cli.globals.quiet)
    cli.err.line(`nothing is published at ${targetOf(write)}`);
  return 0;
}
