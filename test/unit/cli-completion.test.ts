import { execFileSync } from "node:child_process";
import { beforeAll, expect, test } from "vitest";
import { completionCommands } from "../../src/cli/completion.js";
import {
  bashScript,
  type CompletionCommand,
  fishScript,
  zshScript,
} from "../../src/cli/output/completion-scripts.js";
import { commands } from "../../src/cli/shell/commands.js";
import { declareAll } from "../../src/cli/shell/program.js";

let known: readonly CompletionCommand[];

beforeAll(async () => {
  known = completionCommands(await declareAll());
});

/** What bash offers behind a line, with a `nightshift` that knows two jobs. */
function bashOffers(...words: readonly string[]): readonly string[] {
  const script = `
    nightshift() { printf 'flight-delay\\nchurn\\n'; }
    ${bashScript(known)}
    COMP_WORDS=(nightshift ${words.map((word) => `'${word}'`).join(" ")})
    COMP_CWORD=${words.length}
    _nightshift
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script], { encoding: "utf8", cwd: "/" }).trim().split("\n");
}

test("bash completes commands, flags, choices, fixed words and job names", () => {
  expect(bashOffers("")).toEqual(commands.map((command) => command.name));
  expect(bashOffers("r")).toEqual(["run", "retry", "rollback", "resume"]);
  expect(bashOffers("score", "--on-")).toEqual(["--on-row-error"]);
  expect(bashOffers("score", "--on-row-error", "")).toEqual(["fail", "quarantine", "emit_null"]);
  expect(bashOffers("score", "--progress", "p")).toEqual(["plain"]);
  expect(bashOffers("ls", "runs")).toEqual(["runs"]);
  expect(bashOffers("run", "fl")).toEqual(["flight-delay"]);
  expect(bashOffers("ls", "fl")).toEqual([""]);
  expect(bashOffers("--json", "gc", "--dry")).toEqual(["--dry-run"]);
});

test("completion offers the words that the command tree declares, and no others", async () => {
  const root = await declareAll();
  for (const command of root.commands) {
    const [first] = command.registeredArguments;
    const declared = first?.argChoices ?? [];
    expect(known.find(({ name }) => name === command.name())?.words).toEqual(declared);
    // The usage line names the same words.
    if (declared.length > 0) expect(first?.name().split("|")).toEqual(declared);
  }
  expect(bashOffers("ls", "tic")).toEqual(["ticks"]);
});

test("every script knows every command and flag, and nothing that is hidden", () => {
  for (const script of [bashScript(known), zshScript(known), fishScript(known)]) {
    for (const { name } of commands) expect(script).toContain(name);
    for (const flag of ["overwrite", "take-over", "max-error-fraction", "progress", "dry-run"])
      expect(script).toContain(flag);
    expect(script).not.toMatch(/\s(--|-l )job-names(?! 2>)\b.*-d/);
  }
});
