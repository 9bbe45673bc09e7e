import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PartitionState } from "../../src/job/partition.js";
import type { RunState } from "../../src/job/run.js";
import { journalLedger } from "../../src/ledgers/journal/journal-ledger.js";
import { processes } from "../../src/ledgers/journal/processes.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { systemClock } from "../../src/wiring/system-clock.js";
import { preloadPath, type RunningCli, startCli } from "../support/cli.js";
import { countRows, firstValue, readRows } from "../support/published-rows.js";
import { seededRandom } from "../support/seeded-random.js";

const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));
const seed = 20261120;
/** `npm run test:kill` with KILLS_A_STEP=5 repeats what a release was tried with. */
const killsAStep = Number(process.env.KILLS_A_STEP ?? 2);
const killsAtRandom = 4 * killsAStep;

/** Where to kill; see kill-at.mjs. `nth` is drawn from 1 to `most`. */
interface Step {
  readonly name: string;
  readonly role: "coordinator" | "host";
  readonly op: string;
  readonly path: string;
  readonly text?: string;
  readonly most: number;
}

const files = 6;
const rowsAFile = 1000;
const quiet = ["--progress", "none"];
const copying = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true } as const;
const steps: readonly Step[] = [
  { name: "planning: opening inputs", role: "host", op: "open", path: "input/.*\\.parquet$", most: files },
  { name: "planning: saving the run", role: "coordinator", op: "link", path: "runs/", most: 2 },
  {
    name: "planning: saving the plan",
    role: "coordinator",
    op: "sync",
    path: "plan\\.\\d+\\.ndjson",
    most: 1,
  },
  {
    name: "dispatching: a lease",
    role: "coordinator",
    op: "write",
    path: "journal",
    text: '"leased"',
    most: 4,
  },
  { name: "reading and scoring", role: "host", op: "open", path: "input/.*\\.parquet$", most: 2 * files },
  { name: "staging: writing a part", role: "host", op: "write", path: "staging/", most: 3 },
  { name: "staging: syncing a part", role: "host", op: "sync", path: "staging/", most: 3 },
  {
    name: "between stage and accept",
    role: "coordinator",
    op: "write",
    path: "journal",
    text: '"accepted"',
    most: 4,
  },
  { name: "accepting: syncing a receipt", role: "coordinator", op: "sync", path: "journal", most: 12 },
  {
    name: "publishing: freezing receipts",
    role: "coordinator",
    op: "write",
    path: "journal",
    text: '"publishing"',
    most: 1,
  },
  { name: "publishing: the log entry", role: "coordinator", op: "link", path: "/log/\\d+\\.json$", most: 1 },
  {
    name: "publishing: a file of the tree",
    role: "coordinator",
    op: "link",
    path: "\\.out\\.nightshift/v/",
    most: 4,
  },
  {
    name: "publishing: syncing the tree",
    role: "coordinator",
    op: "sync",
    path: "\\.out\\.nightshift/v/",
    most: 2,
  },
  {
    name: "publishing: placing the tree",
    role: "coordinator",
    op: "rename",
    path: "\\.out\\.nightshift/v/",
    most: 1,
  },
  { name: "publishing: switching the symlink", role: "coordinator", op: "rename", path: "/out$", most: 1 },
  {
    name: "publishing: telling the ledger",
    role: "coordinator",
    op: "write",
    path: "journal",
    text: '"published"',
    most: 1,
  },
];

const jobText = `
version: 1
name: kill
model: ${fixtures}/models/flight-delay-lightgbm.onnx
input:
  from: ../../input/*.parquet
  key: [flight_id]
features:
  input: { stack: [distance, hour, dow, month, time_of_day, origin_late_rate] }
write:
  to: ../out
  mode: replace
  add: { release: "r{{ var.release }}" }
limits: { partition_rows: 1000, threads: 2 }
`;

const home = mkdtempSync(join(tmpdir(), "nightshift-kill-"));
const input = join(home, "input");
const work = join(home, "work");
const template = join(home, "template");
const out = join(work, "out");
const opensLog = join(home, "opens");
const killMark = join(home, "killed");
let expected: ReadonlyMap<string, string>;
let baselineRunId = "";

/** Six files, so that there are partitions to be accepted before the kill and left after it. */
beforeAll(async () => {
  mkdirSync(join(work, "jobs"), { recursive: true });
  mkdirSync(input);
  const source = join(fixtures, "models/flight-delay-lightgbm.input.parquet");
  for (let index = 0; index < files; index++) cpSync(source, join(input, `${index}.parquet`));
  writeFileSync(join(work, "jobs/kill.yaml"), jobText);
  await succeed(["run", "kill", "--var", "release=1"]);
  baselineRunId = (await newestRun())?.state.run.id ?? "";
  cpSync(work, template, copying);
  await succeed(["run", "kill", "--var", "release=2"]);
  expected = await publishedScores();
}, 120_000);

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe("killed with SIGKILL and retried", () => {
  const histogram = new Map<string, number>();
  const random = seededRandom(seed);

  for (const step of steps) {
    it(step.name, { timeout: 180_000 }, async () => {
      let kills = 0;
      // A run may end before the operation that was drawn: then no process was killed.
      for (let turn = 0; kills < killsAStep && turn < 3 * killsAStep; turn++) {
        const nth = 1 + Math.floor(random() * step.most);
        const when = turn % 2 === 0 ? "before" : "after";
        const target = turn % 3 === 0 ? "both" : "self";
        const order = JSON.stringify({ ...step, nth, when, target, mark: killMark });
        await trial((env) => startRun({ ...env, NIGHTSHIFT_KILL_AT: order }));
        if (existsSync(killMark)) kills += 1;
      }
      histogram.set(step.name, kills);
      expect(kills).toBe(killsAStep);
    });
  }

  it("at random moments", { timeout: 300_000 }, async () => {
    let kills = 0;
    for (let turn = 0; kills < killsAtRandom && turn < 3 * killsAtRandom; turn++) {
      const delayMs = 100 + random() * 1400;
      const target = (["coordinator", "host", "both"] as const)[turn % 3] ?? "both";
      await trial((env) => {
        const run = startRun(env);
        setTimeout(() => {
          if (killNow(run.pid, target)) kills += 1;
        }, delayMs);
        return run;
      });
    }
    histogram.set("at random moments", kills);
    expect(kills).toBe(killsAtRandom);
  });

  afterAll(() => {
    const rows = [...histogram].map(([name, count]) => `${String(count).padStart(4)}  ${name}`);
    console.log(`Kills by step (seed ${seed}):\n${rows.join("\n")}`);
  });
});

/**
 * One run that is killed once, and what follows: no reader ever sees a part, nothing is done twice, every key is there
 * once. A coordinator that lives replaces its host and ends the run well; one that died is followed by a retry.
 */
async function trial(start: (env: Env) => RunningCli): Promise<void> {
  rmSync(work, { recursive: true, force: true });
  rmSync(killMark, { force: true });
  cpSync(template, work, copying);
  const readers = pollReaders();
  const first = await start({}).finished;
  if (first.signal === null && first.code !== 0) throw new Error(`the run failed by itself: ${first.stderr}`);

  const before = await newestRun();
  const accepted = before?.partitions.filter(({ status }) => status === "accepted") ?? [];
  if (first.code !== 0) {
    rmSync(opensLog, { force: true });
    const env = { NIGHTSHIFT_LOG_OPENS: JSON.stringify({ path: "input/.*\\.parquet$", to: opensLog }) };
    // A run that died before it was recorded leaves nothing to retry: asking for it again starts it.
    if (before === null) await finish(startRun(env));
    else
      await finish(startCli(["retry", before.state.run.id, ...quiet], { cwd: work, env: withPreload(env) }));
    const after = await newestRun();
    for (const partition of accepted) {
      expect(after?.partitions[partition.index]).toMatchObject({
        status: "accepted",
        epoch: partition.epoch,
      });
    }
    // The plan is stored and names every file, so a retry opens the inputs of unfinished partitions and no others.
    if (before?.state.totals != null) expect(readings(accepted)).toEqual([]);
    expect(after?.state.status).toBe("published");
  }
  expect(await publishedScores()).toEqual(expected);
  const seen = await readers.stop();
  expect(seen.problems).toEqual([]);
}

/** Inputs of accepted partitions that were opened again. */
function readings(accepted: readonly PartitionState[]): readonly string[] {
  const opened = existsSync(opensLog) ? readFileSync(opensLog, "utf8").trim().split("\n") : [];
  const done = new Set(accepted.map(({ index }) => join(input, `${index}.parquet`)));
  return opened.filter((path) => done.has(path));
}

type Env = { readonly [name: string]: string };

function startRun(env: Env): RunningCli {
  return startCli(["run", "kill", "--var", "release=2", ...quiet], {
    cwd: work,
    env: withPreload(env),
  });
}

async function finish(run: RunningCli): Promise<void> {
  const { code, stderr } = await run.finished;
  if (code !== 0) throw new Error(`ended with ${code}: ${stderr}`);
}

function withPreload(env: Env): Env {
  return { ...env, NODE_OPTIONS: `--import ${pathToFileURL(preloadPath).href}` };
}

async function succeed(args: readonly string[]): Promise<void> {
  await finish(startCli([...args, ...quiet], { cwd: work }));
}

/** @returns whether there was a process to kill; the run may have ended before the moment came */
function killNow(pid: number, target: "coordinator" | "host" | "both"): boolean {
  try {
    const pids = target === "both" ? [-pid] : target === "coordinator" ? [pid] : childrenOf(pid);
    for (const each of pids) process.kill(each, "SIGKILL");
    return pids.length > 0;
  } catch {
    return false;
  }
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
}

/** The newest run but the one before the trials, as the ledger tells it; `null` while there is none. */
async function newestRun(): Promise<{
  readonly state: RunState;
  readonly partitions: readonly PartitionState[];
} | null> {
  const ledger = journalLedger({
    stateDir: join(work, ".nightshift"),
    fileSystem: localFileSystem(),
    clock: systemClock,
    processes: processes(),
  });
  for await (const state of ledger.listRuns()) {
    if (state.run.id === baselineRunId) continue;
    const partitions: PartitionState[] = [];
    for await (const partition of ledger.listPartitions(state.run.id)) partitions.push(partition);
    return { state, partitions };
  }
  return null;
}

/** By flight: how often it is there, and its score. All of release 2. */
async function publishedScores(): Promise<ReadonlyMap<string, string>> {
  const counts = new Map<string, { count: number; score: unknown }>();
  for (const name of parquetFiles(realpathSync(out))) {
    for (const row of await readRows(join(out, name))) {
      expect(row.release).toBe("r2");
      const known = counts.get(String(row.flight_id));
      expect(known === undefined || known.score === row.probability_1).toBe(true);
      counts.set(String(row.flight_id), { count: (known?.count ?? 0) + 1, score: row.probability_1 });
    }
  }
  expect(counts.size).toBe(rowsAFile);
  return new Map([...counts].map(([key, { count, score }]) => [key, `${count} x ${score}`]));
}

function parquetFiles(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => name.endsWith(".parquet"));
}

/** Two readers in a loop: one resolves the output and then lists it, one follows the manifest. */
function pollReaders(): { readonly stop: () => Promise<{ readonly problems: readonly string[] }> } {
  const problems: string[] = [];
  let stopped = false;
  const poll = async (reader: string, list: () => readonly string[]): Promise<void> => {
    while (!stopped) {
      try {
        const paths = list();
        const rows = (await Promise.all(paths.map(countRows))).reduce((sum, count) => sum + count, 0);
        const releases = new Set<unknown>();
        for (const path of paths) releases.add(await firstValue(path, "release"));
        if (rows !== files * rowsAFile) problems.push(`${reader} saw ${rows} rows`);
        if (releases.size !== 1) problems.push(`${reader} saw releases ${[...releases].join(" and ")}`);
      } catch (error) {
        problems.push(`${reader}: ${String(error)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  };
  const byListing = poll("the listing", () => {
    const version = realpathSync(out);
    return parquetFiles(version).map((name) => join(version, name));
  });
  const byManifest = poll("the manifest", () => {
    const version = realpathSync(out);
    const manifest = JSON.parse(readFileSync(join(version, "_manifest.json"), "utf8"));
    return manifest.files.map((file: { readonly path: string }) => join(version, file.path));
  });
  return {
    async stop() {
      stopped = true;
      await Promise.all([byListing, byManifest]);
      return { problems };
    },
  };
}
