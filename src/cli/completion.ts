import { type Command, Option } from "commander";
import { SpecError } from "../errors.js";
import { jobsHere } from "../service/jobs.js";
import { bashScript, type CompletionCommand, fishScript, zshScript } from "./output/completion-scripts.js";
import type { Cli } from "./shell/context.js";
import { declareWords, inWords } from "./shell/options.js";

/** A name that no shell expands. Names come from files that may have been downloaded. */
const safeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
const shells = ["bash", "zsh", "fish"] as const satisfies readonly (keyof typeof scripts)[];

export function declare(command: Command): void {
  declareWords(command, shells);
  // Called by the completion scripts; not meant for users.
  command.addOption(new Option("--job-names").hideHelp());
  command.addHelpText(
    "after",
    `
Load it where your shell starts:
  bash   source <(nightshift completion bash)
  zsh    source <(nightshift completion zsh)
  fish   nightshift completion fish | source`,
  );
}

export async function run(command: Command, cli: Cli): Promise<number> {
  const [shell = ""] = command.args;
  if (command.opts<{ jobNames?: true }>().jobNames === true) {
    for (const { name } of await jobsHere(cli)) if (safeName.test(name)) cli.out.line(name);
    return 0;
  }
  if (!isShell(shell))
    throw new SpecError("usage.invalid-argument", `no completion for \`${shell}\``, {
      hint: `Choose ${inWords(shells)}.`,
    });
  cli.out.write(scripts[shell](completionCommands(await cli.allCommands())));
  return 0;
}

/** Commands and flags as commander knows them, so that a script never lags behind. */
export function completionCommands(root: Command): readonly CompletionCommand[] {
  const flagsOf = (command: Command) =>
    command.options
      .filter((option) => !option.hidden)
      .map((option) => ({
        names: [option.short, option.long].filter((name) => name != null),
        takesValue: option.required || option.optional,
        choices: option.argChoices ?? [],
        summary: option.description,
      }));
  const everywhere = flagsOf(root);
  return root.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    takesJob: command.registeredArguments.some((argument) => argument.name().split("|").includes("job")),
    words: command.registeredArguments[0]?.argChoices ?? [],
    flags: [...flagsOf(command), ...everywhere],
  }));
}

function isShell(word: string): word is (typeof shells)[number] {
  return shells.some((shell) => shell === word);
}
