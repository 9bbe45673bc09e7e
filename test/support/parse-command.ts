import type { Command } from "commander";
import { makeProgram } from "../../src/cli/shell/program.js";

/** The command that a line names, with its arguments and options parsed as the program does. */
export async function parseCommand(...argv: readonly string[]): Promise<Command> {
  const program = await makeProgram(argv);
  program.root.parse(argv, { from: "user" });
  const invocation = program.invoked();
  if (invocation === null) throw new Error(`no command in: ${argv.join(" ")}`);
  return invocation.command;
}
