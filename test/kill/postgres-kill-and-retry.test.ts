/**
 * Runs that read from, write to and are recorded in PostgreSQL, disturbed at every named step: the worker host, the
 * coordinator, both or the server are killed just as a statement passes, or the connection is cut. A retry follows where
 * one is needed. No reader ever sees a part of a run, nothing accepted is done twice, every key is there once.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Finished, RunningCli } from "../support/cli.js";
import type { Moment } from "../support/cutting-proxy.js";
import {
  createStand,
  type Input,
  inputs,
  type Mode,
  modes,
  partitions,
  rows,
  type Stand,
  stateSql,
} from "../support/postgres-stand.js";
import { seededRandom } from "../support/seeded-random.js";

const seed = 20261120;
const killsAtRandom = 20;

/** A statement that a process sends; `nth` is drawn from 1 to `most`. */
interface Step {
  readonly name: string;
  readonly sender: "coordinator" | "host";
  readonly text: string;
  readonly following?: string;
  readonly most: number;
  /** Where only some jobs come by. */
  readonly inputs?: readonly Input[];
  readonly modes?: readonly Mode[];
}

const commit = "\0\0\0\x0bcommit\0";
const steps: readonly Step[] = [
  {
    name: "planning: creating the run",
    sender: "coordinator",
    text: "insert into nightshift.ledger_runs",
    most: 1,
  },
  {
    name: "planning: taking a snapshot",
    sender: "coordinator",
    text: "pg_export_snapshot",
    most: 1,
    inputs: ["snapshot"],
  },
  {
    name: "planning: copying the input",
    sender: "coordinator",
    text: 'create table "nightshift_input"',
    most: 1,
    inputs: ["materialize"],
  },
  { name: "planning: saving the plan", sender: "coordinator", text: "set status = 'planned'", most: 1 },
  {
    name: "planning: COMMIT of the plan",
    sender: "coordinator",
    text: commit,
    following: "set status = 'planned'",
    most: 1,
  },
  { name: "dispatching: a lease", sender: "coordinator", text: "set status = 'leased'", most: partitions },
  {
    name: "dispatching: an attempt",
    sender: "coordinator",
    text: "set status = 'running', attempt_id",
    most: partitions,
  },
  {
    name: "reading: rows of the table",
    sender: "host",
    text: '"distance"',
    most: partitions,
    inputs: ["none", "snapshot"],
  },
  { name: "staging: COPY", sender: "host", text: "copy nightshift.", most: partitions },
  { name: "staging: its rows", sender: "host", text: "PGCOPY\n", most: partitions },
  {
    name: "staging: counting them again",
    sender: "host",
    text: "as predicted,",
    most: partitions,
  },
  {
    name: "accepting a receipt",
    sender: "coordinator",
    text: "set status = 'accepted', last_error",
    most: partitions,
  },
  {
    name: "publishing: freezing receipts",
    sender: "coordinator",
    text: '"type":"run.publishing"',
    most: 1,
  },
  {
    name: "publishing: deciding once",
    sender: "coordinator",
    text: "insert into nightshift.publications",
    most: 1,
  },
  {
    name: "publishing: proving the counts",
    sender: "coordinator",
    text: "update nightshift.attempts a set accepted",
    most: 1,
  },
  {
    name: "publishing: moving the rows",
    sender: "coordinator",
    text: ') select s."flight_id"',
    most: 1,
    modes: ["append", "upsert"],
  },
  {
    name: "publishing: a new table takes the place of the old one",
    sender: "coordinator",
    text: 'set schema "public"',
    most: 1,
    modes: ["replace"],
  },
  {
    name: "publishing: COMMIT",
    sender: "coordinator",
    text: commit,
    following: "update nightshift.targets set head",
    most: 1,
  },
  {
    name: "publishing: telling the ledger",
    sender: "coordinator",
    text: '"type":"run.published"',
    most: 1,
  },
];

type Who = "coordinator" | "host" | "both" | "server" | "connection";
const everybody: readonly Who[] = ["coordinator", "host", "both", "server", "connection"];

/** Who is hit at each step, and when; its sender twice. */
const blows: readonly (readonly [Who | "sender", Moment["when"]])[] = [
  ["sender", "before"],
  ["server", "after"],
  ["both", "after"],
  ["sender", "after"],
  ["server", "before"],
];

/** One disturbed run. */
interface Trial {
  readonly mode: Mode;
  readonly input: Input;
  readonly who: Who;
}

let stands: readonly Stand[] = [];
/** By mode: the table as release 1 left it, and after an undisturbed release 2. */
const older = new Map<Mode, string>();
const newer = new Map<Mode, string>();
const random = seededRandom(seed);
const histogram = new Map<string, Map<Who, number>>();
const endings = { "went on by themselves": 0, "went on by retry": 0, "started anew": 0 };
let looks = 0;
/** Duration of a run that is not disturbed, on this machine. */
let usualMs = 0;

beforeAll(async () => {
  stands = await Promise.all([createStand(), createStand()]);
  const [stand] = stands as readonly [Stand];
  for (const mode of modes) {
    await stand.reset(mode, "parquet");
    older.set(mode, await stateOf(stand));
    const beganMs = Date.now();
    await succeed(stand.start(...release2));
    usualMs = Math.max(usualMs, Date.now() - beganMs);
    newer.set(mode, await stateOf(stand));
    const found = await stand.query(
      "select count(*)::int as rows, count(distinct flight_id)::int as keys from scores where release = 'r2'",
    );
    expect(found).toEqual([{ rows, keys: rows }]);
  }
  expect(new Set([...older.values(), ...newer.values()]).size).toBeGreaterThan(modes.length);
}, 180_000);

afterAll(async () => {
  await Promise.all(stands.map((stand) => stand.remove()));
  const line = (name: string, cells: readonly (string | number)[]) =>
    `${name.padEnd(56)}${cells.map((cell) => String(cell).padStart(12)).join("")}`;
  const table = [...histogram].map(([name, counts]) =>
    line(
      name,
      everybody.map((who) => counts.get(who) ?? 0),
    ),
  );
  const ended = Object.entries(endings).map(([how, count]) => `${count} ${how}`);
  console.log([line(`Kills by step (seed ${seed})`, everybody), ...table].join("\n"));
  console.log(`Runs: ${ended.join(", ")}. Readers looked ${looks} times.`);
});

describe("killed as a statement passes, and retried", () => {
  for (const step of steps)
    it(step.name, { timeout: 180_000 }, async () => {
      await inTurns(
        blows.map(([target, when]) => {
          const who = target === "sender" ? step.sender : target;
          return { ...draw(step), who, when, nth: 1 + Math.floor(random() * step.most) };
        }),
        (stand, { who, when, nth, ...job }) => strikeAt(stand, step, { ...job, who }, { when, nth }),
      );
      expect(total(step.name)).toBe(blows.length);
    });
});

describe("a connection cut after COMMIT was sent and before its answer came", () => {
  const commits = [
    { name: "COMMIT of the plan", following: "set status = 'planned'" },
    { name: "COMMIT of the publication", following: "update nightshift.targets set head" },
  ];
  for (const { name, following } of commits)
    it(name, { timeout: 180_000 }, async () => {
      const step: Step = { name, sender: "coordinator", text: commit, following, most: 1 };
      await inTurns(
        Array.from({ length: 5 }, () => draw()),
        (stand, job) => strikeAt(stand, step, { ...job, who: "connection" }, { when: "after", nth: 1 }),
      );
      expect(total(name)).toBe(5);
    });
});

it("killed at random moments, and retried", { timeout: 300_000 }, async () => {
  const name = "at random moments";
  const drawn = Array.from({ length: killsAtRandom }, (_, turn) => ({
    ...draw(),
    who: everybody[turn % everybody.length] ?? "both",
    delayMs: (0.1 + 0.9 * random()) * usualMs,
  }));
  await inTurns(drawn, async (stand, { delayMs, ...job }) => {
    // A run may have ended before its moment came: then that comes earlier. One may have no host yet: then it comes later.
    for (let tries = 1, isHit = false; !isHit && tries <= 5; tries++)
      isHit = await trial(stand, job, name, async (run) => {
        await sleep(delayMs / tries);
        while (!(await isOver(run))) {
          if (await strike(stand, run, job.who)) return true;
          await sleep(5);
        }
        return false;
      });
  });
  expect(total(name)).toBe(killsAtRandom);
});

describe("stopped past its lease while another process scores its partition, then continued", () => {
  const moments = [
    { name: "before its COPY", text: "copy nightshift.", target: "both" },
    { name: "before its COPY, its coordinator killed", text: "copy nightshift.", target: "host" },
    { name: "before its receipt is accepted", text: "set status = 'accepted', last_error", target: "both" },
    { name: "before it decides", text: "insert into nightshift.publications", target: "both" },
  ] as const;
  it.each(moments)("$name: refused, and nothing is doubled", async ({ text, target }) => {
    const [stand] = stands as readonly [Stand];
    await stand.reset("upsert", "parquet");
    const [reached, letGo] = [signal(), signal()];
    stand.proxy.doAt({ text, nth: 1, when: "before" }, async () => {
      reached.give();
      await letGo.given;
      return "go on";
    });
    const run = stand.start(...release2);
    await reached.given;
    const hosts = childrenOf(run.pid);
    expect(hosts).toHaveLength(1);
    const group = target === "both" ? [run.pid, ...hosts] : hosts;
    for (const pid of group) process.kill(pid, "SIGSTOP");
    const { id } = (await stand.newestRun()) ?? { id: "" };
    // The lease runs out at once and not in half a minute; that of a process that is dead counts for nothing.
    const expire =
      "update nightshift.ledger_run_states set claim_until = clock_timestamp() - interval '1 second' where run_id = $1";
    if (target === "both") await stand.query(expire, [id]);
    else process.kill(run.pid, "SIGKILL");
    await succeed(stand.start("retry", id));
    const done = await stand.newestRun();

    for (const pid of group) process.kill(pid, "SIGCONT");
    letGo.give();
    const { code, stderr } = await run.finished;
    if (target === "both") {
      expect(code).not.toBe(0);
      expect(stderr).toContain("another process");
    }
    while (group.some(isAlive)) await sleep(20);
    expect(await stand.newestRun()).toEqual(done);
    await expectPublishedOnce(stand, "upsert");
  });
});

/** Takes one after the other from a list, on as many stands as there are. */
async function inTurns<T>(
  list: readonly T[],
  each: (stand: Stand, one: T) => Promise<unknown>,
): Promise<void> {
  const left = [...list];
  const done = await Promise.allSettled(
    stands.map(async (stand) => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await each(stand, next);
    }),
  );
  // Only now: the next test would find a stand in use.
  for (const one of done) if (one.status === "rejected") throw one.reason;
}

function draw(step: Pick<Step, "inputs" | "modes"> = {}): { readonly mode: Mode; readonly input: Input } {
  return { mode: oneOf(step.modes ?? modes), input: oneOf(step.inputs ?? inputs) };
}

function oneOf<T>(list: readonly T[]): T {
  return list[Math.floor(random() * list.length)] as T;
}

const release2 = ["run", "kill", "--var", "release=2"];

function strikeAt(
  stand: Stand,
  step: Step,
  job: Trial,
  { when, nth }: Pick<Moment, "when" | "nth">,
): Promise<boolean> {
  const { text, following, sender } = step;
  return trial(stand, job, step.name, (run) => {
    let striking: Promise<boolean> | null = null;
    const moment = { text, nth, when, ...(following === undefined ? {} : { following }) };
    stand.proxy.doAt(moment, async () => {
      striking = strike(stand, run, job.who);
      await striking;
      // What is dead sends nothing any more, and hears nothing.
      return job.who === (sender === "host" ? "coordinator" : "host") ? "go on" : "cut";
    });
    return run.finished.then(() => striking ?? false);
  });
}

/**
 * One run that is hit, and what follows. @param hit resolves when the process is hit
 * @returns whether a process was hit
 */
async function trial(
  stand: Stand,
  { mode, input, who }: Trial,
  name: string,
  hit: (run: RunningCli) => Promise<boolean>,
): Promise<boolean> {
  await stand.reset(mode, input);
  const readers = stand.poll();
  const run = stand.start(...release2);
  const hitting = hit(run);
  const first = await run.finished;
  stand.proxy.disarm();
  const isHit = await hitting;
  // A host whose coordinator is gone ends by itself soon; the next trial begins now.
  kill([-run.pid]);
  const what = `${name}: ${who}, ${mode} from ${input}\n${first.stderr}`;
  const mayFail = who === "server" || who === "connection";
  if (first.code !== 0 && first.signal === null && !mayFail) throw new Error(`failed by itself at ${what}`);

  const stopped = await stand.newestRun();
  if (first.code === 0) endings["went on by themselves"] += 1;
  else if (stopped === null) endings["started anew"] += 1;
  else endings["went on by retry"] += 1;
  // A run that died before it was recorded leaves nothing to retry: asking for it again starts it.
  if (stopped === null) await succeed(stand.start(...release2));
  else if (stopped.status !== "published") await succeed(stand.start("retry", stopped.id), what);
  const ended = await stand.newestRun();
  expect(ended, what).toMatchObject({ status: "published" });
  if (stopped !== null && stopped.id === ended?.id)
    for (const accepted of stopped.partitions.filter(({ status }) => status === "accepted"))
      expect(ended.partitions[accepted.index], what).toEqual(accepted);
  else if (stopped !== null) expect(input, what).toBe("snapshot");
  await expectPublishedOnce(stand, mode, what);
  const read = await readers.stop();
  const allowed = [older.get(mode), newer.get(mode)];
  expect(
    [...read.seen].filter((state) => !allowed.includes(state)),
    what,
  ).toEqual([]);
  looks += read.looks;
  if (isHit) count(name, who);
  return isHit;
}

/** The table is as an undisturbed run leaves it, by one publication, of partitions that were each accepted once. */
async function expectPublishedOnce(stand: Stand, mode: Mode, what = ""): Promise<void> {
  expect(await stateOf(stand), what).toBe(newer.get(mode));
  const publications = "select count(*)::int as count from nightshift.publications where outcome = 'commit'";
  expect(await stand.query(publications), what).toEqual([{ count: 2 }]);
  const twice = await stand.query(
    `select run_id, body->>'partition' as partition from nightshift.ledger_events
     where body->>'type' = 'partition.accepted' group by 1, 2 having count(*) > 1`,
  );
  expect(twice, what).toEqual([]);
}

async function stateOf(stand: Stand): Promise<string> {
  const [row] = await stand.query<{ state: string }>(stateSql);
  return row?.state ?? "";
}

async function succeed(run: RunningCli, what = ""): Promise<Finished> {
  const ended = await run.finished;
  if (ended.code !== 0) throw new Error(`ended with ${ended.code}: ${ended.stderr}\nafter ${what}`);
  return ended;
}

/** @returns whether there was a process to hit */
async function strike(stand: Stand, run: RunningCli, who: Who): Promise<boolean> {
  switch (who) {
    case "server":
      await stand.server.restart({ mode: "immediate" });
      return true;
    case "connection":
      stand.proxy.cutAll();
      return true;
    case "both":
      return kill([-run.pid]);
    case "coordinator":
      return kill([run.pid]);
    case "host":
      return kill(childrenOf(run.pid));
  }
}

/** SIGKILL. */
function kill(pids: readonly number[]): boolean {
  try {
    for (const pid of pids) process.kill(pid, "SIGKILL");
    return pids.length > 0;
  } catch {
    return false;
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

function isOver(run: RunningCli): Promise<boolean> {
  return Promise.race([run.finished.then(() => true), sleep(0).then(() => false)]);
}

function signal(): { readonly given: Promise<void>; give(): void } {
  let give = (): void => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give: () => give() };
}

function count(name: string, who: Who): void {
  const counts = histogram.get(name) ?? new Map<Who, number>();
  histogram.set(name, counts.set(who, (counts.get(who) ?? 0) + 1));
}

function total(name: string): number {
  return [...(histogram.get(name)?.values() ?? [])].reduce((sum, each) => sum + each, 0);
}
