/**
 * What every record of schedules promises: a tick once, by the first scheduler, a cursor that never moves back, and what a
 * dead scheduler left is run by the next.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Owner } from "../../src/job/run.js";
import type { RecordedTick, ScheduleStore, TickProgress } from "../../src/ledgers/schedule-store.js";
import type { ScheduledJob } from "../../src/service/open-ticks.js";
import { createScheduler } from "../../src/service/scheduler.js";
import type { SchedulerEvent, TickOutcome } from "../../src/service/settle-tick.js";
import { parseCron } from "../../src/time/cron.js";
import type { Schedule, Tick } from "../../src/time/schedule.js";

export interface BookPlace {
  /** As another process sees it. */
  open(isAlive: (owner: Owner) => "alive" | "dead" | "other-host"): Promise<ScheduleStore>;
  close(): Promise<void>;
}

const owner = (pid: number): Owner => ({ pid, processStart: "1", bootId: "b", host: "h" });
const fired = (at: string): Tick => ({ at, verdict: "fired", reason: null, ticks: 1 });
const startMs = Date.parse("2026-01-01T00:00:30Z");

function jobOf(expression: string, parts: Partial<Schedule> = {}): ScheduledJob {
  const parsed = parseCron(expression);
  if (parsed.kind === "mistake") throw new Error(parsed.message);
  const defaults = { timezone: "UTC", catchup: "all", overlap: "queue", startDeadlineMs: null } as const;
  return { name: "nightly", schedule: { expression, cron: parsed.cron, ...defaults, ...parts } };
}

/** A scheduler on a clock that the test moves, whose runs end when they are started or are asked to. */
function simulated(book: ScheduleStore, job: ScheduledJob, pid = 1) {
  let nowMs = startMs;
  const runs: string[] = [];
  const preempted: string[] = [];
  const events: SchedulerEvent[] = [];
  const waiting: ((outcome: "stopped" | { status: "published"; runId: null; error: null }) => void)[] = [];
  let hold = false;
  let answer: ((before: TickProgress | null, nowMs: number) => TickOutcome) | null = null;
  const scheduler = createScheduler({
    book,
    clock: { now: () => new Date(nowMs), monotonicMs: () => nowMs },
    self: owner(pid),
    jobs: () => [job],
    maxParallel: 4,
    preempt: async (_, at) => void preempted.push(at.toISOString()),
    tell: (event) => void events.push(event),
    run: async (_, at, signal, before) => {
      runs.push(at.toISOString());
      if (answer !== null) return answer(before, nowMs);
      if (!hold) return { status: "published", runId: null, error: null };
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve("stopped"));
        waiting.push(resolve);
      });
    },
  });
  return {
    scheduler,
    runs,
    preempted,
    events,
    answer: (each: typeof answer) => {
      answer = each;
    },
    settled: () => until(() => scheduler.running() === 0),
    hold: (on: boolean) => {
      hold = on;
    },
    finish: () => {
      for (const resolve of waiting.splice(0)) resolve({ status: "published", runId: null, error: null });
    },
    at: (ms: number) => {
      nowMs = ms;
    },
    verdicts: () =>
      events.flatMap((event) =>
        event.type === "tick.decided" ? [`${event.tick.at.slice(11, 16)} ${event.tick.verdict}`] : [],
      ),
  };
}

/** What a job says of a tick whose input is not there. */
function waiting(before: TickProgress | null, nowMs: number, untilMs: number) {
  const progress: TickProgress = {
    status: "waiting",
    since: before?.since ?? new Date(nowMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    nextAt: new Date(nowMs + 60_000).toISOString(),
    reason: { code: "source.not-found", message: "no file matches" },
    attempts: [],
  };
  return { progress };
}

function retrying(earlier: TickProgress["attempts"], nowMs: number, delayMs: number) {
  const at = new Date(nowMs).toISOString();
  const progress: TickProgress = {
    status: "retrying",
    since: earlier[0]?.at ?? at,
    until: null,
    nextAt: new Date(nowMs + delayMs).toISOString(),
    reason: { code: "infra.unreachable", message: "away" },
    attempts: [...earlier, { at, runId: null, error: "infra.unreachable" }],
  };
  return { progress };
}

async function ticksIn(book: ScheduleStore, job = "nightly"): Promise<readonly RecordedTick[]> {
  const ticks: RecordedTick[] = [];
  for await (const tick of book.ticks(job)) ticks.push(tick);
  return ticks;
}

async function instantsIn(book: ScheduleStore): Promise<readonly string[]> {
  const instants: string[] = [];
  for await (const { at } of book.ticks("nightly")) instants.push(at);
  return instants;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

interface Overlapping {
  readonly overlap: Schedule["overlap"];
  readonly verdicts: readonly string[];
  /** Hours of the ticks that ran, in the order of their starts. */
  readonly ran: readonly string[];
  /** Of the first, before it ended, and of the second. */
  readonly startedAtOnce: number;
  readonly ends: readonly (string | null)[];
}

const published = ["published", "published", "published"];
const allFired = { verdicts: ["01:00 fired", "02:00 fired", "03:00 fired"], ran: ["01", "02", "03"] };
const overlapping: readonly Overlapping[] = [
  {
    overlap: "skip",
    verdicts: ["01:00 fired", "02:00 skipped", "03:00 fired"],
    ran: ["01", "03"],
    startedAtOnce: 1,
    ends: ["published", null, "published"],
  },
  { overlap: "queue", ...allFired, startedAtOnce: 1, ends: published },
  { overlap: "allow", ...allFired, startedAtOnce: 2, ends: published },
  { overlap: "cancel_running", ...allFired, startedAtOnce: 2, ends: ["cancelled", "published", "published"] },
];

export function scheduleBookConformance(name: string, makePlace: () => Promise<BookPlace>): void {
  describe(`schedule store: ${name}`, () => {
    let place: BookPlace;
    beforeEach(async () => {
      place = await makePlace();
    });
    afterEach(() => place.close());

    const open = (alive: readonly number[] = [1, 2, 3]): Promise<ScheduleStore> =>
      place.open(({ pid, host }) => (host !== "h" ? "other-host" : alive.includes(pid) ? "alive" : "dead"));

    test("of three that record the same ticks at once, each tick has one recorder", async () => {
      const ticks = Array.from({ length: 60 }, (_, minute) =>
        new Date(startMs - 30_000 + minute * 60_000).toISOString(),
      );
      const books = await Promise.all([open(), open(), open()]);
      const won: string[][] = books.map(() => []);
      const record = async (book: ScheduleStore, pid: number, at: string): Promise<void> => {
        if ((await book.record("nightly", fired(at), owner(pid))) === "recorded") won[pid]?.push(at);
      };
      // Each begins elsewhere and waits for the others there, so that everybody is first somewhere.
      const orders = books.map((_, pid) => [...ticks.slice(pid * 20), ...ticks.slice(0, pid * 20)]);
      await Promise.all(books.map((book, pid) => record(book, pid, orders[pid]?.[0] ?? "")));
      await Promise.all(
        books.map(async (book, pid) => {
          for (const at of orders[pid]?.slice(1) ?? []) await record(book, pid, at);
        }),
      );
      expect(won.flat().sort()).toEqual(ticks);
      expect(won.filter((mine) => mine.length > 0)).toHaveLength(3);
      expect(await instantsIn(await open())).toEqual(ticks.toReversed());
    });

    test("three schedulers race through 8 hours of every ten minutes, with clocks that disagree: each tick runs once", async () => {
      const job = jobOf("*/10 * * * *");
      const all = await Promise.all([1, 2, 3].map(async (pid) => simulated(await open(), job, pid)));
      await Promise.all(
        all.map(async ({ scheduler, at }, index) => {
          await scheduler.look();
          for (let minute = 5; minute <= 8 * 60 + 5; minute += 5) {
            at(startMs + minute * 60_000 + index * 20_000 - (minute % 60 === 0 ? 1_800_000 : 0));
            await scheduler.look();
          }
          // A tick that waits for another scheduler's run is started by the first look after that.
          while (scheduler.running() > 0) {
            await scheduler.look();
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
          await scheduler.drain();
        }),
      );
      const runs = all.flatMap(({ runs: own }) => own).sort();
      expect(runs).toEqual(
        Array.from({ length: 48 }, (_, n) =>
          new Date(Date.parse("2026-01-01T00:10:00Z") + n * 600_000).toISOString(),
        ),
      );
    }, 120_000);

    test("a schedule is followed from when it was first seen, and a changed one from its change", async () => {
      const book = await open();
      const at = (text: string) => new Date(`2026-01-${text}:00Z`);
      expect((await book.follow("nightly", "a", at("10T12:00"))).cursor).toEqual(at("10T12:00"));
      expect((await book.follow("nightly", "a", at("20T12:00"))).cursor).toEqual(at("10T12:00"));
      await book.record("nightly", fired("2026-01-12T02:00:00.000Z"), owner(1));
      expect((await book.follow("nightly", "a", at("20T12:00"))).cursor).toEqual(at("12T02:00"));
      expect((await book.follow("nightly", "b", at("21T12:00"))).cursor).toEqual(at("21T12:00"));
      expect((await (await open()).follow("nightly", "b", at("01T00:00"))).cursor).toEqual(at("21T12:00"));
    });

    test("two services with specs of two versions lose no tick between them, and make nothing of each other's", async () => {
      const [older, newer] = [jobOf("0,30 * * * *"), jobOf("15,45 * * * *")];
      const [first, second] = [simulated(await open(), older, 1), simulated(await open(), newer, 2)];
      for (let minute = 0; minute <= 50; minute += 5)
        for (const each of [first, second]) {
          each.at(startMs + minute * 60_000);
          await each.scheduler.look();
        }
      expect(first.verdicts()).toEqual(["00:30 fired"]);
      expect(second.verdicts()).toEqual(["00:15 fired", "00:45 fired"]);
      // What comes back later begins anew.
      const late = simulated(await open(), older, 3);
      late.at(startMs + 5 * 3_600_000);
      await late.scheduler.look();
      expect(late.verdicts()).toEqual([]);
      for (const { scheduler } of [first, second, late]) await scheduler.drain();
    });

    test("while paused ticks are skipped, and what passed is not caught up with", async () => {
      const book = await open();
      const { scheduler, at, verdicts, runs } = simulated(book, jobOf("0 * * * *"));
      await scheduler.look();
      expect(await book.pause("nightly", new Date(startMs))).toBe(true);
      expect(await book.pause("nightly", new Date(startMs))).toBe(false);
      at(startMs + 2 * 3_600_000);
      await scheduler.look();
      expect(await (await open()).isPaused("nightly")).toBe(true);
      expect(await book.resume("nightly", new Date(startMs + 4.5 * 3_600_000))).toBe(true);
      at(startMs + 5 * 3_600_000);
      await scheduler.look();
      await scheduler.drain();
      expect(verdicts()).toEqual(["01:00 skipped", "02:00 skipped", "05:00 fired"]);
      expect(runs).toEqual(["2026-01-01T05:00:00.000Z"]);
    });

    test("a tick that its recorder did not live to run is run by the next; one of a living process is left alone", async () => {
      const book = await open();
      await book.follow("nightly", "0 * * * * UTC", new Date(startMs));
      await book.record("nightly", fired("2026-01-01T01:00:00.000Z"), owner(2));
      await book.record("nightly", fired("2026-01-01T02:00:00.000Z"), owner(99));
      const { scheduler, at, runs, events } = simulated(
        await open(),
        jobOf("0 * * * *", { overlap: "skip" }),
      );
      at(startMs + 2 * 3_600_000);
      await scheduler.look();
      await scheduler.drain();
      expect(runs).toEqual(["2026-01-01T02:00:00.000Z"]);
      expect(events).toContainEqual(expect.objectContaining({ type: "tick.started", again: true }));
      expect((await book.open("nightly")).map(({ at: tick }) => tick)).toEqual(["2026-01-01T01:00:00.000Z"]);
    });

    test.each(overlapping)("overlap: $overlap", async ({ overlap, verdicts, ran, startedAtOnce, ends }) => {
      const book = await open();
      const run = simulated(book, jobOf("0 * * * *", { overlap }));
      await run.scheduler.look();
      run.hold(true);
      const lookAt = async (hour: number) => {
        run.at(startMs + hour * 3_600_000);
        await run.scheduler.look();
      };
      await lookAt(1);
      await lookAt(2);
      await until(() => run.runs.length >= startedAtOnce);
      expect(run.runs).toHaveLength(startedAtOnce);
      run.hold(false);
      run.finish();
      await until(() => run.scheduler.running() === 0);
      await lookAt(3);
      await run.scheduler.drain();
      expect(run.verdicts()).toEqual(verdicts);
      expect(run.runs.map((at) => at.slice(11, 13))).toEqual(ran);
      const recorded = [];
      for await (const { end } of book.ticks("nightly")) recorded.unshift(end?.status ?? null);
      expect(recorded).toEqual(ends);
    });

    test("stopped in the middle, a tick stays open for the next scheduler", async () => {
      const book = await open();
      const run = simulated(book, jobOf("0 * * * *"));
      await run.scheduler.look();
      run.hold(true);
      run.at(startMs + 3_600_000);
      await run.scheduler.look();
      await until(() => run.runs.length === 1);
      run.scheduler.stop();
      await run.scheduler.drain();
      expect(await book.open("nightly")).toHaveLength(1);
      const next = simulated(await open([]), jobOf("0 * * * *"), 2);
      next.at(startMs + 3_600_000);
      await next.scheduler.look();
      await next.scheduler.drain();
      expect(next.runs).toEqual(["2026-01-01T01:00:00.000Z"]);
      expect(await book.open("nightly")).toEqual([]);
    });

    test("a tick that waits stays open, survives its scheduler, and runs when what it waits for is there", async () => {
      const job = jobOf("0 * * * *", { overlap: "skip" });
      const minute = (n: number): number => startMs + 3_600_000 + n * 60_000;
      const book = await open();
      const first = simulated(book, job);
      await first.scheduler.look();
      first.answer((before, nowMs) => waiting(before, nowMs, minute(180)));
      for (const n of [0, 0.5, 1, 2]) {
        first.at(minute(n));
        await first.scheduler.look();
        await first.settled();
      }
      // At 0.5 it was not looked at; what stays the same is noted once.
      expect(first.runs).toHaveLength(3);
      expect(first.events.filter(({ type }) => type === "tick.waiting")).toHaveLength(1);
      const [open1] = await (await open()).open("nightly");
      expect(open1?.progress).toEqual(waiting(null, minute(0), minute(180)).progress);
      expect(first.scheduler.running()).toBe(0);
      await first.scheduler.drain();

      const next = simulated(await open([2]), job, 2);
      const seen: unknown[] = [];
      next.answer((before, nowMs) => {
        seen.push(before?.since);
        return nowMs < minute(30)
          ? waiting(before, nowMs, minute(180))
          : { status: "published", runId: "r", error: null };
      });
      for (const n of [20, 30]) {
        next.at(minute(n));
        await next.scheduler.look();
        await next.settled();
      }
      expect(seen).toEqual([new Date(minute(0)).toISOString(), new Date(minute(0)).toISOString()]);
      expect(await book.open("nightly")).toEqual([]);
      const [ended] = await ticksIn(book);
      expect(ended).toMatchObject({ end: { status: "published" }, progress: { status: "waiting" } });
    });

    test("a tick that is tried again keeps its attempts and its time, also with the next scheduler", async () => {
      const job = jobOf("0 * * * *", { overlap: "skip" });
      const book = await open();
      const first = simulated(book, job);
      await first.scheduler.look();
      const dueMs = startMs + 3_600_000;
      first.answer((_, nowMs) => retrying([], nowMs, 600_000));
      first.at(dueMs);
      await first.scheduler.look();
      await first.settled();
      const next = simulated(await open([2]), job, 2);
      next.answer((before, nowMs) => retrying(before?.attempts ?? [], nowMs, 600_000));
      for (const minutes of [9, 10]) {
        next.at(dueMs + minutes * 60_000);
        await next.scheduler.look();
        await next.settled();
      }
      expect(next.runs).toHaveLength(1);
      const [tick] = await book.open("nightly");
      expect(tick?.progress?.attempts.map(({ at }) => Date.parse(at))).toEqual([dueMs, dueMs + 600_000]);
    });

    test("overlap: a later tick takes the place of one that waits, queues behind it, or is skipped", async () => {
      const outcomes: { [overlap: string]: unknown } = {};
      for (const overlap of ["cancel_running", "queue", "skip"] as const) {
        const job = { ...jobOf("0 * * * *", { overlap }), name: `nightly-${overlap}` };
        const book = await open();
        const run = simulated(book, job);
        await run.scheduler.look();
        run.answer((before, nowMs) => waiting(before, nowMs, startMs + 86_400_000));
        for (const hour of [1, 2]) {
          run.at(startMs + hour * 3_600_000 - 30_000);
          await run.scheduler.look();
          if (hour === 1) await run.settled();
        }
        await run.scheduler.drain();
        const ends = (await ticksIn(book, job.name)).map(({ verdict, end, progress }) => [
          verdict,
          end?.status ?? progress?.status ?? null,
        ]);
        outcomes[overlap] = ends.toReversed();
      }
      expect(outcomes).toEqual({
        cancel_running: [
          ["fired", "cancelled"],
          ["fired", "waiting"],
        ],
        queue: [
          ["fired", "waiting"],
          ["fired", null],
        ],
        skip: [
          ["fired", "waiting"],
          ["skipped", null],
        ],
      });
    });

    test("days long gone are forgotten, and the cursor is not", async () => {
      const book = await open();
      await book.follow("nightly", "a", new Date("2026-01-01T00:00:00Z"));
      for (let day = 0; day < 95; day++)
        await book.record(
          "nightly",
          fired(new Date(Date.parse("2026-01-01T02:00:00Z") + day * 86_400_000).toISOString()),
          owner(1),
        );
      await book.prune("nightly");
      const kept = await instantsIn(book);
      expect([kept.length, kept[0]]).toEqual([90, "2026-04-05T02:00:00.000Z"]);
      expect(
        (await (await open()).follow("nightly", "a", new Date("2026-02-01T00:00:00Z"))).cursor.toISOString(),
      ).toBe("2026-04-05T02:00:00.000Z");
    });

    test("a tick of a scheduler elsewhere is left alone while that scheduler is alive", async () => {
      const away = (pid: number): Owner => ({ ...owner(pid), host: "far" });
      const book = await open();
      await book.attend(away(7));
      await book.record("nightly", fired("2026-01-01T01:00:00.000Z"), away(7));
      await book.record("nightly", fired("2026-01-01T02:00:00.000Z"), owner(2));
      await book.record("nightly", fired("2026-01-01T03:00:00.000Z"), owner(99));
      const held = (await book.open("nightly")).map(({ at, isHeld }) => [at.slice(11, 13), isHeld]);
      expect(held).toEqual([
        ["01", true],
        ["02", true],
        ["03", false],
      ]);
    });

    test("overlap: skip knows of the run of another scheduler", async () => {
      const [first, second] = [
        simulated(await open(), jobOf("0 * * * *", { overlap: "skip" }), 1),
        simulated(await open(), jobOf("0 * * * *", { overlap: "skip" }), 2),
      ];
      for (const { scheduler } of [first, second]) await scheduler.look();
      first.hold(true);
      first.at(startMs + 3_600_000);
      await first.scheduler.look();
      second.at(startMs + 2 * 3_600_000);
      await second.scheduler.look();
      first.finish();
      await until(() => first.scheduler.running() === 0);
      second.at(startMs + 3 * 3_600_000);
      await second.scheduler.look();
      expect([...first.verdicts(), ...second.verdicts()]).toEqual([
        "01:00 fired",
        "02:00 skipped",
        "03:00 fired",
      ]);
    });

    test("overlap: queue waits for the run of another scheduler", async () => {
      const job = jobOf("0 * * * *", { overlap: "queue" });
      const [first, second] = [simulated(await open(), job, 1), simulated(await open(), job, 2)];
      for (const { scheduler } of [first, second]) await scheduler.look();
      first.hold(true);
      first.at(startMs + 3_600_000);
      await first.scheduler.look();
      second.at(startMs + 2 * 3_600_000);
      await second.scheduler.look();
      expect(second.verdicts()).toEqual(["02:00 fired"]);
      expect(second.runs).toEqual([]);
      first.finish();
      await until(() => first.scheduler.running() === 0);
      await second.scheduler.look();
      await second.scheduler.drain();
      expect(second.runs).toEqual(["2026-01-01T02:00:00.000Z"]);
    });

    describe("overlap: cancel_running, with a running tick of another scheduler", () => {
      const job = jobOf("0 * * * *", { overlap: "cancel_running" });
      const [first, second] = ["2026-01-01T01:00:00.000Z", "2026-01-01T02:00:00.000Z"];

      async function bothLook(state: "alive" | "dead", catchUp = false) {
        const book = await place.open(() => state);
        await book.follow("nightly", "0 * * * * UTC", new Date(startMs));
        const other = simulated(book, job, 2);
        other.hold(true);
        other.at(Date.parse(catchUp ? "2026-01-01T02:00:10Z" : "2026-01-01T01:00:05Z"));
        await other.scheduler.look();
        await until(() => other.runs.length === 1);
        const self = simulated(book, job, 1);
        self.at(Date.parse("2026-01-01T02:00:05Z"));
        await self.scheduler.look();
        return { book, other, self };
      }

      test("the other stops its run, and the new one runs", async () => {
        const { book, other, self } = await bothLook("alive");
        await other.scheduler.look();
        await other.scheduler.drain();
        await self.scheduler.drain();
        expect(self.runs).toEqual([second]);
        // Of other processes' runs, too.
        expect(self.preempted).toEqual([second]);
        expect(await book.endOf("nightly", first)).toMatchObject({ status: "cancelled" });
        expect(await book.endOf("nightly", second)).toMatchObject({ status: "published" });
        expect(other.events.filter(({ type }) => type === "tick.ended")).toMatchObject([
          { at: first, end: { status: "cancelled" } },
        ]);
      });

      test("what a dead one left is taken up first", async () => {
        const { self } = await bothLook("dead");
        await until(() => self.runs.length === 2);
        expect(self.runs).toEqual([first, second]);
        await self.scheduler.drain();
      });

      test("what the other catches up with is wanted", async () => {
        const { book, other } = await bothLook("alive", true);
        await other.scheduler.look();
        other.hold(false);
        other.finish();
        await until(() => other.runs.length === 2);
        await other.scheduler.drain();
        expect(await book.endOf("nightly", first)).toMatchObject({ status: "published" });
        expect(await book.endOf("nightly", second)).toMatchObject({ status: "published" });
      });
    });

    test("a tick that was ended before its turn came is not run", async () => {
      const job = jobOf("0 * * * *", { overlap: "queue" });
      const book = await place.open(() => "alive");
      await book.follow("nightly", "0 * * * * UTC", new Date(startMs));
      const { scheduler, runs, hold, finish, at, events } = simulated(book, job);
      hold(true);
      at(Date.parse("2026-01-01T02:00:10Z"));
      await scheduler.look();
      await until(() => runs.length === 1);
      const end = { status: "cancelled", runId: "it", error: null, at: "2026-01-01T02:00:11.000Z" } as const;
      await book.end("nightly", "2026-01-01T02:00:00.000Z", end);
      finish();
      await until(() => scheduler.running() === 0);
      expect(runs).toHaveLength(1);
      expect(events.filter(({ type }) => type === "tick.ended").at(-1)).toMatchObject({ end });
      await scheduler.drain();
    });

    test("an end that is reported twice is the first one", async () => {
      const book = await open();
      const at = "2026-01-01T01:00:00.000Z";
      await book.record("nightly", fired(at), owner(1));
      const end = { runId: "a", error: null, at } as const;
      await book.end("nightly", at, { ...end, status: "published" });
      await book.end("nightly", at, { ...end, status: "failed" });
      for await (const tick of book.ticks("nightly"))
        expect(tick).toEqual({
          ...fired(at),
          by: owner(1),
          progress: null,
          end: { ...end, status: "published" },
        });
      expect(await book.open("nightly")).toEqual([]);
    });

    test("ticks are listed newest first, however many there are; of one job, and of no other", async () => {
      const book = await open();
      const instants = Array.from({ length: 250 }, (_, n) =>
        new Date(startMs - 30_000 + n * 60_000).toISOString(),
      );
      for (const at of instants) await book.record("nightly", fired(at), owner(1));
      await book.record("other", fired("2026-01-01T02:00:00.000Z"), owner(1));
      expect(await instantsIn(book)).toEqual(instants.toReversed());
    });

    test("of what can be no job's name there is nothing to report", async () => {
      const book = await open();
      expect(await book.isPaused("../My Job")).toBe(false);
      for await (const tick of book.ticks("../My Job")) expect(tick).toBeUndefined();
    });

    test("a job that was paused before any scheduler followed it is paused", async () => {
      const book = await open();
      expect(await book.isPaused("nightly")).toBe(false);
      expect(await book.resume("nightly", new Date(startMs))).toBe(false);
      expect(await book.pause("nightly", new Date(startMs + 86_400_000))).toBe(true);
      expect(await book.follow("nightly", "a", new Date(startMs))).toEqual({
        cursor: new Date(startMs),
        paused: true,
      });
    });
  });
}
