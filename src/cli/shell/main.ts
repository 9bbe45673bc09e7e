import { CommanderError } from "commander";
import { asNightshiftError, CancelledError, exitCodeOf, exitCodes } from "../../errors.js";
import { errorJson, errorText } from "../output/error-text.js";
import { withOwnHint } from "./own-hint.js";
import { type Invocation, makeProgram, type Program } from "./program.js";
import { ignoreVanishedReaders, openTerminal, type Terminal } from "./terminal.js";
import { asUsageError } from "./usage-error.js";

/** Parses, runs the one command, and ends the process with its exit code. Never throws. */
export async function main(given: readonly string[]): Promise<void> {
  // As many programs have it: `help score`.
  const argv = given[0] === "help" ? [...given.slice(1), "--help"] : given;
  const terminal = openTerminal(argv);
  ignoreVanishedReaders(terminal);
  let code: number;
  try {
    const invocation = parse(await makeProgram(argv), argv);
    code = invocation === null ? exitCodes.ok : await run(invocation, terminal);
  } catch (thrown) {
    code = report(thrown, terminal);
  }
  terminal.screen.clear();
  // Files, terminals and pipes are written synchronously on POSIX, so nothing is lost here.
  process.exit(code);
}

function parse(program: Program, argv: readonly string[]): Invocation | null {
  const { root } = program;
  if (argv.length === 0) {
    root.outputHelp();
    return null;
  }
  try {
    root.parse(argv, { from: "user" });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    const usage = asUsageError(thrown, program.named);
    if (usage !== null) throw usage;
  }
  return program.invoked();
}

async function run({ module, command }: Invocation, terminal: Terminal): Promise<number> {
  const { openCli } = await import("./open-cli.js");
  const { cli, close } = openCli(command, terminal);
  try {
    return await module.run(command, cli);
  } catch (thrown) {
    if (!(thrown instanceof CancelledError)) throw withOwnHint(thrown, command, cli.cwd);
    // A run that was stopped tells its own end; this came before there was one.
    report(thrown, terminal);
    return cli.interruptedBy() === "SIGTERM" ? exitCodes.terminated : exitCodes.interrupted;
  } finally {
    await close();
  }
}

function report(thrown: unknown, { err, screen, wantsJson, wantsDetail }: Terminal): number {
  const error = asNightshiftError(thrown);
  screen.clear();
  err.line(wantsJson ? errorJson(error) : errorText(error, err, wantsDetail));
  return exitCodeOf(error);
}
