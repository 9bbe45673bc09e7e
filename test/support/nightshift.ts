import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

/** As a person's shell would start it: not by npm, and not on a terminal. */
const env = { ...process.env, npm_command: undefined, NO_COLOR: "1" };

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in a directory, to its end. */
export function nightshift(cwd: string, ...argv: readonly string[]): Finished {
  return nightshiftWith({}, cwd, ...argv);
}

export function nightshiftWith(
  more: { readonly [name: string]: string },
  cwd: string,
  ...argv: readonly string[]
): Finished {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...argv], {
    cwd,
    env: { ...env, ...more },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** Starts the command line and calls `onEvent` with every line of JSON on its stdout. */
export async function followNightshift(
  cwd: string,
  argv: readonly string[],
  onEvent: (event: { readonly type: string }, child: ChildProcess) => void,
): Promise<Finished> {
  const child = spawn(process.execPath, [cli, ...argv], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr, rest] = ["", "", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onEvent(JSON.parse(line), child);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { status, stdout, stderr };
}

/** The lines of NDJSON. */
export function jsonLinesOf({ stdout }: Finished): readonly { readonly type: string }[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
