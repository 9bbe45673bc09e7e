/**
 * Runs a page of docs/ in a scratch folder, as its reader would, and returns what every step printed.
 *
 * - A block of code whose language is followed by a path (```yaml jobs/churn.yaml) is a file, written when it comes.
 * - A block of `console` holds commands after `$ `, each with the output below it. A command that ends with `&` stays
 *   in the background until the how-to ends.
 * - A block of `sql` is a statement for `DATABASE_URL`; the block of `text` right below it is its result.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { psqlTable } from "../../scripts/psql-table.mjs";

const repository = fileURLToPath(new URL("../../", import.meta.url));

export interface Step {
  readonly command: string;
  /** What the document shows. */
  readonly expected: string;
  readonly printed: string;
  readonly status: number;
}

export interface HowToPlace {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly databaseUrl: string;
}

/** A command that waits for something that never comes fails by itself. */
const commandTimeoutMs = 240_000;

interface Block {
  readonly language: string;
  /** `null`: the block is no file. */
  readonly path: string | null;
  readonly text: string;
}

function blocksOf(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language = "", path = null, text = ""]) => ({ language, path, text }),
  );
}

/**
 * Runs every block in order.
 * @param given from a path in the reader's folder to a path in the repository: what the reader brings
 */
export async function runHowTo(
  page: string,
  databaseUrl: string,
  given: { readonly [path: string]: string },
): Promise<readonly Step[]> {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-how-to-")));
  const background: ChildProcess[] = [];
  try {
    const place = preparePlace(cwd, databaseUrl, given);
    const steps: Step[] = [];
    const exports: string[] = [];
    const blocks = blocksOf(readFileSync(`${repository}docs/${page}.md`, "utf8"));
    for (const [at, { language, path, text }] of blocks.entries()) {
      // What follows a command that failed would only fail for the same reason.
      if (steps.some(({ status }) => status !== 0)) break;
      if (path !== null) writeTo(cwd, path, text);
      else if (language === "sql") {
        const next = blocks[at + 1];
        steps.push(await query(place, text, next?.language === "text" ? next.text : null));
      } else if (language === "console") {
        for (const { command, expected } of commandsOf(text)) {
          if (command.endsWith(" &")) background.push(startBehind(place, exports, command.slice(0, -2)));
          else steps.push(await runCommand(place, exports, command, expected));
          if (command.startsWith("export ")) exports.push(command);
        }
      }
    }
    return steps;
  } finally {
    await Promise.all(background.map(end));
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** A project's folder, with `nightshift` among the programs and the package among the modules. */
function preparePlace(
  cwd: string,
  databaseUrl: string,
  given: { readonly [path: string]: string },
): HowToPlace {
  const programs = join(cwd, ".bin");
  writeTo(
    cwd,
    ".bin/nightshift",
    `#!/bin/sh\nexec "${process.execPath}" "${repository}dist/bundle/cli.js" "$@"\n`,
  );
  chmodSync(join(programs, "nightshift"), 0o755);
  mkdirSync(join(cwd, "node_modules"));
  symlinkSync(repository, join(cwd, "node_modules/nightshift"));
  for (const [path, from] of Object.entries(given)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    cpSync(repository + from, join(cwd, path), { recursive: true });
  }
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: "1", DATABASE_URL: databaseUrl };
  for (const name of Object.keys(env)) if (/^(npm_|NIGHTSHIFT_|NODE_OPTIONS$)/i.test(name)) delete env[name];
  env.PATH = `${programs}:${dirname(process.execPath)}:${process.env.PATH}`;
  return { cwd, env, databaseUrl };
}

function writeTo(cwd: string, path: string, text: string): void {
  mkdirSync(dirname(join(cwd, path)), { recursive: true });
  writeFileSync(join(cwd, path), text);
}

/** A line that ends with a backslash goes on in the next one. */
function commandsOf(text: string): readonly { readonly command: string; readonly expected: string }[] {
  return text
    .replaceAll(/\\\n\s*/g, "")
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = "", ...lines] = part.split("\n");
      return { command, expected: lines.join("\n") };
    });
}

async function query({ databaseUrl }: HowToPlace, statement: string, shown: string | null): Promise<Step> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const result = await client.query(statement);
    const printed = shown === null ? "" : psqlTable(result);
    return { command: statement, expected: shown ?? "", printed, status: 0 };
  } finally {
    await client.end();
  }
}

async function runCommand(
  place: HowToPlace,
  exports: readonly string[],
  command: string,
  expected: string,
): Promise<Step> {
  const child = startShell(place, [...exports, command].join("\n"));
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  const status = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
  return { command, expected, printed: asAtHome(printed, place), status };
}

/** As in a folder and with an installation of the reader's. */
function asAtHome(printed: string, { cwd, databaseUrl }: HowToPlace): string {
  return printed
    .replaceAll(cwd, "/srv/scoring")
    .replaceAll(`node ${repository}dist/bundle/cli.js`, "nightshift")
    .replaceAll(new URL(databaseUrl).pathname.slice(1), "app")
    .replaceAll(new URL(databaseUrl).host, "db.internal:5432");
}

function startBehind(place: HowToPlace, exports: readonly string[], command: string): ChildProcess {
  const child = startShell(
    place,
    [...exports, `exec ${command}`].join("\n").replace(/^exec ((?:\w+=\S+ )+)/m, "exec env $1"),
  );
  child.stdout?.resume();
  return child;
}

/** Both streams in one, so that their lines stay in order. */
function startShell({ cwd, env }: HowToPlace, script: string): ChildProcess {
  return spawn("bash", ["-c", `exec 2>&1\n${script}`], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "ignore"],
    timeout: commandTimeoutMs,
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.kill("SIGTERM");
  });
}

/** What differs from run to run and from machine to machine, by one name; runs of spaces as one. */
function settled(text: string): string {
  return text
    .replaceAll(/\d[\d.,]*( [kM])? rows\/s/g, "<speed>")
    .replaceAll(/\b(\d+m \d+s|\d+(\.\d+)? (ms|s|min|h))\b/g, "<time>")
    .replaceAll(/\b\d+(\.\d+)? ?[kM]?B\b/g, "<size>")
    .replaceAll(/-[0-9a-f]{8}-[0-9a-f]{8}-g/g, "-<id>-g")
    .replaceAll(/-[0-9a-f]{8}-g/g, "-<id>-g")
    .replaceAll(/on \d+ threads?/g, "on <threads>")
    .replaceAll(/\d+ rows, in calls of [\d, ]+/g, "<rows that were probed>")
    .replaceAll(/postgres:\/\/[\w.%@:/-]+\/\w+/g, "<database>")
    .replaceAll(/\b[0-9a-f]{16}\b/g, "<digest>")
    .replaceAll(/\b(seconds|rows|partitions)=[\d.]+/g, "$1=<number>")
    .replaceAll(/\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z/g, "<instant>")
    .split("\n")
    .map((line) => line.replaceAll(/\s+/g, " ").trim())
    .join("\n")
    .trim();
}

/** Whether a step printed what the document shows, where a line `…` stands for lines and `…` within one for text. */
export function isAsShown({ expected, printed }: Step): boolean {
  const pattern = settled(expected)
    .split("\n")
    .map((line) => (line === "…" ? "(?:.*\n)*?" : `${line.split("…").map(escaped).join(".*")}\n`))
    .join("");
  return new RegExp(`^${pattern}$`).test(`${settled(printed)}\n`);
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
