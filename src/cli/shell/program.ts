import { Command, Option } from "commander";
import { packageVersion } from "../../wiring/packaged.js";
import { fitHelp } from "../output/fit.js";
import { type CommandEntry, type CommandModule, commands } from "./commands.js";
import { helpWidth, rootHelp } from "./root-help.js";

/** A parsed command line: the command that was named. It holds what was given to it. */
export interface Invocation {
  readonly module: CommandModule;
  readonly command: Command;
}

export interface Program {
  readonly root: Command;
  /** The command that the line names, if any. */
  readonly named: string | null;
  /** Set once parsing found a command to run. */
  invoked(): Invocation | null;
}

/**
 * The whole command line for commander. Only the file of a command that `argv` names is loaded; the others are known
 * by name and summary, which is sufficient for suggestions.
 */
export async function makeProgram(argv: readonly string[]): Promise<Program> {
  let invoked: Invocation | null = null;
  const root = rootCommand();
  for (const entry of commands) {
    const command = subcommand(root, entry);
    if (!argv.includes(entry.name)) continue;
    const module = await entry.load();
    module.declare(command);
    command.action(() => {
      invoked = { module, command };
    });
  }
  // After the commands, which would inherit it.
  root.configureHelp({ formatHelp: () => rootHelp() });
  const named = argv.find((word) => commands.some((entry) => entry.name === word)) ?? null;
  return { root, named, invoked: () => invoked };
}

/** Every command with its options, for completion scripts. */
export async function declareAll(): Promise<Command> {
  return (await makeProgram(commands.map((entry) => entry.name))).root;
}

function rootCommand(): Command {
  return new Command("nightshift")
    .version(packageVersion(), "-V, --version", "print the version")
    .option("--json", "data as JSON on stdout; run events as NDJSON")
    .option("-q, --quiet", "only warnings and errors")
    .option("-v, --verbose", "every partition, where the time went, causes of errors")
    .option("--no-color", "no colours")
    .addOption(
      new Option("--progress <how>", "how a run shows its progress")
        .choices(["auto", "bar", "plain", "json", "none"])
        .default("auto"),
    )
    .option("--state <dir>", "where runs are recorded")
    .option("--ledger <url>", "a database that records runs instead, or `journal`")
    .option("--target <name>", "target of nightshift.yaml")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      outputError: () => {},
      writeErr: () => {},
      writeOut: (text) => void process.stdout.write(fitHelp(text, helpWidth())),
      getOutHelpWidth: helpWidth,
    });
}

function subcommand(root: Command, { name, summary, positionals }: CommandEntry): Command {
  const command = root
    .command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .helpOption("-h, --help", "show this help")
    .addHelpText(
      "after",
      "\nEverywhere: --json, -q, -v, --progress, --no-color, --state, --ledger, --target (see nightshift --help)",
    );
  return positionals === "" ? command : command.arguments(positionals);
}
