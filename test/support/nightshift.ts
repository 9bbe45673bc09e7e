import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What `nightshift` runs. */
export const builtCli = fileURLToPath(new URL("../../dist/bundle/cli.js", import.meta.url));

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
  const { status, stdout, stderr } = spawnSync(process.execPath, [builtCli, ...argv], {
    cwd,
    env: { ...env, ...more },
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

export interface StartOptions {
  readonly env?: { readonly [name: string]: string };
  /** Words in front of the command, ending before the directory: see mounts.ts. */
  readonly through?: readonly string[];
  /** User and group to run as. */
  readonly uid?: number;
  /** Another copy of the compiled command line. */
  readonly cliPath?: string;
  /** Called with every line of JSON on stdout. */
  readonly onEvent?: (event: RunLine, child: ChildProcess) => void;
}

export interface RunLine {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Running {
  readonly child: ChildProcess;
  /** Resolves when it has ended and said everything. */
  readonly finished: Promise<Finished>;
}

/** Starts the command line in a directory. */
export function startNightshift(cwd: string, argv: readonly string[], options: StartOptions = {}): Running {
  const { through = [], uid, cliPath = builtCli, onEvent } = options;
  const [program = "", ...args] = [
    ...(through.length === 0 ? [] : [...through, cwd]),
    process.execPath,
    cliPath,
    ...argv,
  ];
  const child = spawn(program, args, {
    cwd: through.length === 0 ? cwd : "/",
    env: { ...env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  let [stdout, stderr, rest] = ["", "", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (onEvent === undefined) return;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onEvent(JSON.parse(line), child);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
  return { child, finished };
}

/** Resolves when it has said so on stderr, from now on. */
export async function said({ child }: Running, text: string): Promise<void> {
  let all = "";
  await new Promise<void>((resolve) => {
    child.stderr?.on("data", (more: string) => {
      all += more;
      if (all.includes(text)) resolve();
    });
  });
}

/** Starts the command line and calls `onEvent` with every line of JSON on its stdout. */
export async function followNightshift(
  cwd: string,
  argv: readonly string[],
  onEvent: (event: RunLine, child: ChildProcess) => void,
): Promise<Finished> {
  return startNightshift(cwd, argv, { onEvent }).finished;
}

/** The lines of NDJSON. */
export function jsonLinesOf({ stdout }: Pick<Finished, "stdout">): readonly RunLine[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}
