import type { CommanderError } from "commander";
import { SpecError } from "../../errors.js";

/** Commander's complaint as one of ours; `null` when it only showed help. */
export function asUsageError(thrown: CommanderError, command: string | null): SpecError | null {
  if (thrown.exitCode === 0) return null;
  if (thrown.code === "commander.help")
    return new SpecError("usage.no-command", "no command is named", { hint: "see `nightshift --help`" });
  const [first = "", ...rest] = thrown.message.replace(/^error: /, "").split("\n");
  const suggestion = /Did you mean (?:one of )?(.+?)\??\)/.exec(rest.join(" "))?.[1];
  const code = thrown.code.replace(/^commander\./, "").replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);
  const help = ["nightshift", command, "--help"].filter((word) => word !== null).join(" ");
  return new SpecError(`usage.${code}`, first, {
    hint: suggestion === undefined ? `see \`${help}\`` : `did you mean \`${suggestion}\`?`,
  });
}
