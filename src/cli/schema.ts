import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { packagedPath } from "../wiring/packaged.js";
import type { Cli } from "./shell/context.js";

export function declare(command: Command): void {
  command.addHelpText(
    "after",
    `
For completion and checks in an editor, save it and name it on the first line of a job:
  nightshift schema > job.v1.json
  # yaml-language-server: $schema=./job.v1.json`,
  );
}

export async function run(_command: Command, cli: Cli): Promise<number> {
  cli.out.line((await readFile(packagedPath("schema/job.v1.json"), "utf8")).trimEnd());
  return 0;
}
