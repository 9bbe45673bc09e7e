import { type Command, Option } from "commander";
import { SpecError } from "../errors.js";
import { bashScript, type CompletionCommand, fishScript, zshScript } from "./completion/scripts.js";
import { jobsHere } from "./lookup/jobs.js";
import type { Cli } from "./shell/context.js";

/** A name that no shell expands. Names come from files that may have been downloaded. */
const safeName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export function declare(command: Command): void {
  // What the scripts ask for while somebody types; not for people.
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
  if (shell !== "bash" && shell !== "zsh" && shell !== "fish")
    throw new SpecError("usage.invalid-argument", `no completion for \`${shell}\``, {
      hint: "Choose bash, zsh or fish.",
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
    words: wordsOf[command.name()] ?? [],
    flags: [...flagsOf(command), ...everywhere],
  }));
}

const wordsOf: { readonly [command: string]: readonly string[] } = {
  ls: ["jobs", "runs", "partitions"],
  completion: ["bash", "zsh", "fish"],
};
