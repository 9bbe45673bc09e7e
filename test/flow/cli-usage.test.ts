import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commands } from "../../src/cli/shell/commands.js";
import { builtCli } from "../support/nightshift.js";

let cwd: string;

beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "nightshift-usage-"));
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));

function nightshift(...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [builtCli, ...argv], {
    cwd,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

test("help lists every command of this version and none of later ones", () => {
  const { status, stdout, stderr } = nightshift("--help");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const unbroken = stdout.replaceAll(/\n {16}(?! )/g, " ");
  for (const { name, summary } of commands) expect(unbroken).toContain(`  ${name.padEnd(14)}${summary}`);
  for (const later of ["diff", "promote"]) expect(stdout).not.toMatch(new RegExp(`^ +${later}\\b`, "m"));
  expect(nightshift().stdout).toBe(stdout);
});

test("a command's help shows its options and example", () => {
  const { status, stdout } = nightshift("score", "--help");
  expect(status).toBe(0);
  expect(stdout).toContain("nightshift score [options] <model> <input...>");
  expect(stdout).toContain("--max-error-fraction");
  expect(stdout).toContain("nightshift score model.onnx data.parquet -o predictions.parquet");
});

test("help is a word, too, and options alone are no command", () => {
  expect(nightshift("help")).toEqual(nightshift("--help"));
  expect(nightshift("help", "score")).toEqual(nightshift("score", "--help"));
  expect(nightshift("help", "score").status).toBe(0);
  expect(nightshift("-q")).toEqual({
    status: 2,
    stdout: "",
    stderr: "error: no command is named\n  hint: see `nightshift --help`\n",
  });
});

test("the version is the package's, alone on its line", () => {
  const { status, stdout } = nightshift("--version");
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test.each([
  [["scor"], "unknown command 'scor'", "did you mean `score`?"],
  [["score", "--ouput", "x"], "unknown option '--ouput'", "did you mean `--output`?"],
  [["score"], "missing required argument 'model'", "see `nightshift score --help`"],
  [["score", "m.onnx", "x.parquet"], "where should the predictions go?", "-o predictions/"],
  [["ls", "jbos"], "there is no list of `jbos`", "jobs, runs, ticks or partitions"],
  [["score", "m.onnx", "s3://b/x", "-o", "y"], "s3://b/x is not on the local file system", "hint:"],
  [["score", "m.onnx", "x", "-o", "y", "--threads", "many"], "argument 'many' is invalid", "score --help"],
  [["--progress", "loud", "gc"], "argument 'loud' is invalid", "gc --help"],
  [["score", "m.onnx", "x", "-o", "y", "--target", "dev"], "--target dev belongs to jobs", "hint:"],
  [["doctor", "now"], "too many arguments", "doctor --help"],
  [["run", "no-such-job"], "there is no job `no-such-job`", "hint:"],
  [["run", "plan.json"], "cannot be read", "nightshift plan"],
])("%j is wrong use: exit 2, what and what to do on stderr", (argv, message, hint) => {
  const { status, stdout, stderr } = nightshift(...argv);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain(`error: `);
  expect(stderr).toContain(message);
  expect(stderr).toContain(hint);
  expect(stderr).not.toContain("    at ");
});

test("with --json an error is JSON on stderr and stdout stays empty", () => {
  const { status, stdout, stderr } = nightshift("score", "--json");
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(JSON.parse(stderr)).toMatchObject({ error: { kind: "spec", code: "usage.missing-argument" } });
});

test("a reader that leaves is no error", () => {
  const line = `'${process.execPath}' '${builtCli}' completion bash | head -1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", line], { cwd, encoding: "utf8" });
  expect(stdout).toBe("# nightshift completion for bash\n0\n");
  expect(stderr).toBe("");
});

test("ls jobs of an empty folder says what a job is, and is an empty list as JSON", () => {
  expect(nightshift("ls", "jobs")).toMatchObject({
    status: 0,
    stdout: "",
    stderr: expect.stringContaining("jobs/"),
  });
  expect(nightshift("ls", "jobs", "--json").stdout).toBe("[]\n");
});

test.each([
  [["ls", "jobs", "--job", "flights"], "--job is for runs and ticks: `ls jobs` lists all"],
  [["ls", "partitions", "--limit", "5"], "--limit is for runs and ticks: `ls partitions` lists all"],
  [["demo", "--full", "--nightly"], "option '--full' cannot be used with option '--nightly'"],
])("%s is refused, not applied in part", (argv, message) => {
  expect(nightshift(...argv)).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringContaining(message),
  });
});

test("schema prints the JSON Schema that the package ships", () => {
  const { status, stdout } = nightshift("schema");
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#" });
});

test("colours never reach a pipe, and FORCE_COLOR asks for them", () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one.
  const escapeSequence = /\x1b\[/;
  expect(nightshift("scor").stderr).not.toMatch(escapeSequence);
  const env = { ...process.env, FORCE_COLOR: "1", NO_COLOR: undefined };
  const forced = spawnSync(process.execPath, [builtCli, "scor"], { cwd, env, encoding: "utf8" });
  expect(forced.stderr).toMatch(escapeSequence);
  const refused = spawnSync(process.execPath, [builtCli, "scor", "--no-color"], {
    cwd,
    env,
    encoding: "utf8",
  });
  expect(refused.stderr).not.toMatch(escapeSequence);
});
