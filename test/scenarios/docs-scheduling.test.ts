/** The worked examples of docs/scheduling.md, as far as they can be tried here: each for real where its tool is. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseCron } from "../../src/time/cron.js";
import { nightshift } from "../support/nightshift.js";
import { makeSpecProject } from "../support/spec-project.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const text = readFileSync(join(repository, "docs/scheduling.md"), "utf8");
const sections = new Map(
  text.split(/^(?=#{2,3} )/m).map((section) => [/^#+ (.*)/.exec(section)?.[1] ?? "", section] as const),
);

/** Blocks of code below a heading. */
const blocks = (title: string, language: string): readonly string[] =>
  [...(sections.get(title) ?? "").matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(
    ([, body = ""]) => body,
  );
const only = (title: string, language: string): string => {
  const [block, ...more] = blocks(title, language);
  if (block === undefined || more.length > 0) throw new Error(`${title} has ${more.length + 1} blocks`);
  return block;
};
const has = (tool: string): boolean => spawnSync(tool, ["--version"]).status === 0;

const crontab = (): readonly string[] =>
  only("cron", "crontab")
    .split("\n")
    .filter((line) => /^[\d*]/.test(line));

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-docs-"));
  symlinkSync(join(repository, "fixtures"), join(cwd, "fixtures"));
  mkdirSync(join(cwd, "jobs"));
  writeFileSync(join(cwd, "jobs/flight-delay.yaml"), only("Schedules", "yaml"));
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** The arguments of the first `nightshift` in a line of shell, with `--at` a day that the fixtures have. */
function argumentsIn(line: string): readonly string[] {
  const [, words = ""] =
    /nightshift (.*?)(?: --at [^-]\S*(?: ds \}\})?)?(?: \$\{DAY:.*\})?$/.exec(line) ?? [];
  return words.replace(/--at \{\{ ds \}\} /, "").split(" ");
}

describe("the command in every example", () => {
  const kubernetes = parse(only("Kubernetes", "yaml"));
  const actions = parse(only("GitHub Actions", "yaml"));
  const [service = ""] = blocks("systemd", "ini");
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ["cron", argumentsIn(crontab()[0] ?? "")],
    ["systemd", argumentsIn(/^ExecStart=(.*)$/m.exec(service)?.[1] ?? "")],
    ["Airflow", argumentsIn(/bash_command="(.*)"/.exec(only("Airflow", "python"))?.[1] ?? "")],
    ["Kubernetes", kubernetes.spec.jobTemplate.spec.template.spec.containers[0].command.slice(1)],
    ["GitHub Actions", argumentsIn(actions.jobs.score.steps[0].run)],
  ];

  test.each(commands)("%s: runs, and when it is repeated exits 0", (_, argv) => {
    expect(argv.slice(0, 2)).toEqual(["run", "flight-delay"]);
    const finished = nightshift(cwd, ...argv, "--at", "2001-06-12");
    expect(finished).toMatchObject({ status: 0, stdout: "" });
  });

  test("the input that is not there yet exits 2", () => {
    expect(nightshift(cwd, "run", "flight-delay", "--at", "2001-06-25").status).toBe(2);
  });
});

test("cron: its lines are ones, and the backfill does what is missing", () => {
  for (const line of crontab()) {
    expect(parseCron(line.split(" ").slice(0, 5).join(" ")).kind).toBe("cron");
    // cron ends the command at a bare one.
    expect(line).not.toMatch(/[^\\]%/);
  }
  const [, words = ""] = /nightshift (.*)/.exec(crontab()[1] ?? "") ?? [];
  const argv = words.replace("2026-01-01", "2001-06-11").replace('"$(date +\\%F)"', "2001-06-13").split(" ");
  expect(argv.slice(0, 2)).toEqual(["backfill", "flight-delay"]);
  expect(nightshift(cwd, ...argv).stderr).toContain("2 intervals to run, 1 to skip");
});

test.runIf(has("systemd-analyze"))("systemd: units and calendar are verified", () => {
  const [service = "", timer = ""] = blocks("systemd", "ini");
  const directory = mkdtempSync(join(tmpdir(), "nightshift-units-"));
  const paths = [service, timer].map((unit) => {
    const name = /system\/(\S+)/.exec(unit)?.[1] ?? "";
    writeFileSync(join(directory, name), unit);
    return join(directory, name);
  });
  const verified = spawnSync("systemd-analyze", ["verify", "--man=no", ...paths], { encoding: "utf8" });
  rmSync(directory, { recursive: true });
  // It tells everything that it does not understand, by file and line; the host's own units are not ours.
  expect(verified.stderr.split("\n").filter((line) => line.includes("nightshift-"))).toEqual([]);
  const calendar = /^OnCalendar=(.*)$/m.exec(timer)?.[1] ?? "";
  expect(spawnSync("systemd-analyze", ["calendar", calendar]).status).toBe(0);
});

test.runIf(has("python3"))("Airflow: the file is Python", () => {
  const checked = spawnSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], {
    input: only("Airflow", "python"),
    encoding: "utf8",
  });
  expect(checked).toMatchObject({ status: 0, stderr: "" });
});

test("Kubernetes and GitHub Actions: the cron expressions are right, and exit codes are those that there are", () => {
  const kubernetes = parse(only("Kubernetes", "yaml"));
  const actions = parse(only("GitHub Actions", "yaml"));
  expect(parseCron(kubernetes.spec.schedule).kind).toBe("cron");
  expect(parseCron(actions.on.schedule[0].cron).kind).toBe("cron");
  const { podFailurePolicy, template } = kubernetes.spec.jobTemplate.spec;
  expect(podFailurePolicy.rules[0].onExitCodes.values).toEqual([1, 2, 70]);
  expect(podFailurePolicy.rules[0].onExitCodes.containerName).toBe(template.spec.containers[0].name);
  // A policy for exit codes is refused by Kubernetes with any other.
  expect(template.spec.restartPolicy).toBe("Never");
});

test("the schedule of the example is followed as written", async () => {
  const project = makeSpecProject();
  try {
    project.write("jobs/job.yaml", only("Schedules", "yaml"));
    const { schedule, intervals } = await project.load("jobs/job.yaml", { at: "2001-06-12" });
    expect(schedule).toMatchObject({
      expression: "15 2 * * *",
      catchup: "latest",
      startDeadlineMs: 6 * 3_600_000,
    });
    expect(intervals?.lookback).toBe(1);
  } finally {
    project.remove();
  }
});
