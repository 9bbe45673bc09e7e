/**
 * A day of a schedule that is due every minute: two schedulers over one journal, with clocks that disagree and jump, a
 * disk that fails at times, and processes that die. What is simulated is the disk, the clock and how long runs take.
 */
import { expect, test } from "vitest";
import { asNightshiftError, InfraError } from "../../src/errors.js";
import type { Owner, RunState } from "../../src/job/run.js";
import { scheduleStore } from "../../src/ledgers/journal/schedule-store.js";
import type { Ledger } from "../../src/ledgers/ledger.js";
import type { RecordedTick, ScheduleStore } from "../../src/ledgers/schedule-store.js";
import { createScheduler, type Scheduler } from "../../src/service/scheduler.js";
import { parseCron } from "../../src/time/cron.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { journalProcesses } from "../support/journal-processes.js";
import { anError, aPlan, aRun, somePartitions } from "../support/runs.js";
import { seededRandom } from "../support/seeded-random.js";
import { simulatedDisk } from "../support/simulated-disk.js";

const startMs = Date.parse("2026-01-01T00:00:00Z");
const minuteMs = 60_000;
const dayMinutes = 24 * 60;
/** Both clocks are past the tick, and not by the same. */
const phaseMs = 10_000;

interface Service {
  readonly scheduler: Scheduler;
  readonly die: () => Promise<void>;
}

function simulatedDay(seed: number) {
  const random = seededRandom(seed);
  const disk = simulatedDisk();
  const alive = new Set<number>();
  let nowMs = startMs;
  let isDiskSick = false;
  const skews: { [name: string]: number } = { a: 0, b: 20_000 };
  const sleepers: { readonly untilMs: number; readonly wake: () => void }[] = [];
  const counts = { runs: 0, failures: 0, deaths: 0, faults: 0, told: 0 };

  const fileSystem = disk.view({
    before({ name }) {
      const mayFail = ["writeFile", "link", "create", "append", "sync"].includes(name);
      if (!mayFail || random() >= (isDiskSick ? 0.3 : 0.0005)) return;
      counts.faults += 1;
      throw new InfraError("infra.disk-full", "the disk is full");
    },
  });
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs - startMs };
  const processes = journalProcesses("/state", fileSystem, clock);
  const isAlive = ({ pid }: Owner) => (alive.has(pid) ? "alive" : "dead");
  const open = (): ScheduleStore =>
    scheduleStore({ stateDir: "/state", fileSystem, uniqueName: newUuid, isAlive });

  function lasting(minutes: number): Promise<void> {
    return new Promise((wake) => sleepers.push({ untilMs: nowMs + minutes * minuteMs, wake }));
  }

  /** As a run of the service is: recorded once by its key, claimed, and at its end published or failed. */
  async function runAt(ledger: Ledger, owner: Owner, at: Date, lives: () => boolean) {
    const scope = at.toISOString();
    const id = `minutely-${at.getTime()}-g1`;
    const key = { jobId: "minutely", scope, generation: 1 };
    await ledger.createRun(aRun(id, { key, trigger: "schedule", jobName: "minutely" }));
    let claim: Awaited<ReturnType<Ledger["claimRun"]>>;
    try {
      claim = await ledger.claimRun(id, owner, { takeOver: false });
    } catch (thrown) {
      const { code } = asNightshiftError(thrown);
      if (code === "refused.run-ended")
        return { status: "already-published", runId: id, error: null } as const;
      if (code === "refused.owner-alive") return "elsewhere" as const;
      throw thrown;
    }
    try {
      counts.runs += 1;
      await lasting(random() * 2.5);
      // What is dead does nothing any more.
      if (!lives()) return await new Promise<never>(() => undefined);
      if (random() < 0.05) {
        counts.failures += 1;
        await ledger.failRun(claim, anError);
        return { status: "failed", runId: id, error: anError.code } as const;
      }
      if ((await ledger.readPlan(id)) === null) await ledger.savePlan(claim, aPlan(0), somePartitions(0));
      await ledger.beginPublish(claim);
      await ledger.completeRun(claim, 1);
      return { status: "published", runId: id, error: null } as const;
    } finally {
      if (lives()) await ledger.releaseRun(claim).catch(() => undefined);
    }
  }

  function start(name: string): Service {
    const { ledger, owner, die } = processes.start();
    alive.add(owner.pid);
    const lives = () => alive.has(owner.pid);
    const parsed = parseCron("* * * * *");
    if (parsed.kind === "mistake") throw new Error(parsed.message);
    const schedule = {
      ...{ expression: "* * * * *", cron: parsed.cron, timezone: "UTC" },
      ...({ catchup: "latest", overlap: "skip", startDeadlineMs: 3 * 3_600_000 } as const),
    } as const;
    const scheduler = createScheduler({
      ...{ book: open(), self: owner, maxParallel: 2 },
      clock: { ...clock, now: () => new Date(nowMs + (skews[name] ?? 0)) },
      jobs: () => [{ name: "minutely", schedule }],
      preempt: async () => undefined,
      run: (_, at) => runAt(ledger, owner, at, lives),
      tell: () => {
        counts.told += 1;
      },
    });
    return {
      scheduler,
      async die() {
        alive.delete(owner.pid);
        await die();
      },
    };
  }

  async function settle(): Promise<void> {
    for (const sleeper of sleepers.splice(0))
      if (sleeper.untilMs <= nowMs) sleeper.wake();
      else sleepers.push(sleeper);
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  async function live(): Promise<void> {
    const services: { [name: string]: Service | null } = { a: start("a"), b: start("b") };
    const downUntil: { [name: string]: number } = {};
    const book = open();
    for (let minute = 0; minute <= dayMinutes + 10; minute++) {
      nowMs = startMs + minute * minuteMs + phaseMs;
      const hour = minute / 60;
      // Its clock is an hour ahead for ten minutes, and an hour behind for ten later on.
      skews.a = hour >= 6 && hour < 6.17 ? 3_600_000 : hour >= 12 && hour < 12.17 ? -3_600_000 : 0;
      isDiskSick = hour >= 14 && hour < 14.05;
      const isOver = hour > 23.9;
      for (const name of ["a", "b"]) {
        const isDark = hour >= 20 && hour < 20.34;
        const service = services[name];
        if (service !== null && service !== undefined && !isOver && (isDark || random() < 0.008)) {
          await service.die();
          counts.deaths += 1;
          services[name] = null;
          downUntil[name] = nowMs + (isDark ? 20 : 1 + random() * 10) * minuteMs;
        } else if (service === null && (isOver || nowMs >= (downUntil[name] ?? 0)) && !isDark)
          services[name] = start(name);
        await services[name]?.scheduler.look();
      }
      if (hour === 18) await book.pause("minutely", new Date(nowMs));
      if (hour === 18.5) await book.resume("minutely", new Date(nowMs));
      await settle();
    }
    for (let n = 0; n < 10; n++) {
      nowMs += minuteMs;
      await settle();
    }
    await Promise.all(Object.values(services).map((service) => service?.scheduler.drain()));
  }

  async function told(): Promise<{
    readonly ticks: readonly RecordedTick[];
    readonly runs: readonly RunState[];
  }> {
    const ticks: RecordedTick[] = [];
    const runs: RunState[] = [];
    for await (const tick of open().ticks("minutely")) ticks.unshift(tick);
    for await (const run of processes.start().ledger.listRuns()) runs.push(run);
    return { ticks, runs };
  }

  return { live, told, counts };
}

test.each([1, 2])(
  "every minute of a day has one tick, that ran once or says why not (seed %i)",
  async (seed) => {
    const day = simulatedDay(seed);
    await day.live();
    const { ticks, runs } = await day.told();

    const instants = ticks.map(({ at }) => (Date.parse(at) - startMs) / minuteMs);
    expect(new Set(instants).size).toBe(instants.length);
    const ofTheDay = ticks.filter(({ at }) => Date.parse(at) <= startMs + dayMinutes * minuteMs);
    expect(ofTheDay.map(({ ticks: count }) => count).reduce((a, b) => a + b)).toBe(dayMinutes);

    const fired = ticks.filter(({ verdict }) => verdict === "fired");
    const others = ticks.filter(({ verdict }) => verdict !== "fired");
    expect(others.filter(({ reason }) => reason === null)).toEqual([]);
    expect(fired.filter(({ end }) => end === null)).toEqual([]);
    const reasons = new Set(others.map(({ reason }) => reason?.replaceAll(/\d{4}-[\dT:.Z-]+/g, "…")));
    expect([...reasons]).toEqual(
      expect.arrayContaining([
        "the job is paused",
        "a later tick was due as well (catchup: latest)",
        "the run of … was still active (overlap: skip)",
      ]),
    );

    // One run a tick that fired, and none besides; what a tick says of it is what the ledger says.
    const byScope = new Map(runs.map((state) => [state.run.key.scope, state]));
    expect(byScope.size).toBe(runs.length);
    expect([...byScope.keys()].filter((scope) => !fired.some(({ at }) => at === scope))).toEqual([]);
    for (const { at, end } of fired) {
      const status = byScope.get(at)?.status;
      if (end?.status === "published" || end?.status === "already-published")
        expect(status, at).toBe("published");
      else expect(end, at).toMatchObject({ status: "failed", error: expect.any(String) });
    }
    // All of it came to pass.
    expect(Math.min(...Object.values(day.counts))).toBeGreaterThan(0);
    expect(day.counts.deaths).toBeGreaterThan(5);
  },
);
