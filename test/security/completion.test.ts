// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is what shells expand
/** Completion offers names of jobs, and never runs what a cloned `jobs/` calls them. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { completionCommands } from "../../src/cli/completion.js";
import {
  bashScript,
  type CompletionCommand,
  fishScript,
  zshScript,
} from "../../src/cli/output/completion-scripts.js";
import { declareAll } from "../../src/cli/shell/program.js";
import { builtCli, nightshift } from "../support/nightshift.js";
import { scratch } from "../support/scratch.js";

const spec = (name: string) =>
  `version: 1\nname: ${JSON.stringify(name)}\nmodel: m.onnx\ninput: { from: a }\nwrite: { to: out }\n`;
const hostileNames = [
  "$(touch PWNED)",
  "`touch PWNED`",
  "${x:-$(touch PWNED)}",
  "<(touch PWNED)",
  "a;touch PWNED",
  "a\ttouch PWNED",
  "*",
  "~root",
  "-x",
  "a\u001b[31m",
];

let commands: readonly CompletionCommand[];
let project: string;

beforeAll(async () => {
  commands = completionCommands(await declareAll());
  project = scratch();
  mkdirSync(join(project, "jobs"));
  writeFileSync(join(project, "jobs/good.yaml"), spec("good"));
  for (const [index, name] of hostileNames.entries())
    writeFileSync(join(project, `jobs/n${index}.yaml`), spec(name));
  for (const name of ["`touch PWNED`", "$(touch PWNED)", "x y"])
    writeFileSync(join(project, `jobs/${name}.yaml`), "");
});

/** What a `nightshift` that prints every name as it is would say, so that the scripts themselves are tried. */
const printsAll = `printf '%s\\n' ${[...hostileNames, "good"].map((name) => `'${name}'`).join(" ")}`;

function traces(): readonly string[] {
  return readdirSync(project).filter((name) => name.startsWith("PWNED"));
}

test("only names that no shell expands are printed", () => {
  const { status, stdout } = nightshift(project, "completion", "bash", "--job-names");
  expect({ status, names: stdout.split("\n") }).toEqual({ status: 0, names: ["good", ""] });
});

test.each([
  ["names of jobs", `node '${builtCli}' "$@"`],
  ["any printed text", printsAll],
])("bash runs nothing of %s", (_, body) => {
  const script = `nightshift() { ${body}; }
    ${bashScript(commands)}
    for word in "" g '$(touch PWNED)' '\`touch'; do
      COMP_WORDS=(nightshift run "$word"); COMP_CWORD=2; _nightshift
      printf '%s\\n' "\${COMPREPLY[@]}"
    done`;
  const offered = execFileSync("bash", ["-c", script], { encoding: "utf8", cwd: project });
  expect(traces()).toEqual([]);
  expect(offered.split("\n")).toContain("good");
});

/** Shells that are not everywhere; those that are here are tried. */
const shells = [
  [
    "zsh",
    (script: string) => `autoload -Uz compinit; compinit -u -d /dev/null
nightshift() { ${printsAll}; }
compadd() { print -rl -- "$@"; }
_arguments() { local last="\${@[-1]}"; eval "\${\${last#*:: :}}"; }
_files() { :; }
${script}
words=(nightshift run ''); CURRENT=3; _nightshift`,
  ],
  [
    "fish",
    (script: string) => `function nightshift; ${printsAll}; end
${script}
complete -C 'nightshift run '`,
  ],
] as const;

function isInstalled(shell: string): boolean {
  const works = shell === "fish" ? "functions -q __fish_seen_subcommand_from" : "true";
  return spawnSync(shell, ["-c", works]).status === 0;
}

test("the other shells run nothing of the printed text", () => {
  const scripts = { zsh: zshScript(commands), fish: fishScript(commands) };
  for (const [shell, wrap] of shells.filter(([name]) => isInstalled(name))) {
    const offered = spawnSync(shell, ["-c", wrap(scripts[shell])], { encoding: "utf8", cwd: project });
    expect(traces(), offered.stderr).toEqual([]);
    expect(offered.stdout, offered.stderr).toContain("good");
  }
  expect(existsSync(join(project, "PWNED"))).toBe(false);
});
