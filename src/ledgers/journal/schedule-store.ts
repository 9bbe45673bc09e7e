/**
 * Stores schedules beside the runs:
 *
 * ```
 * <stateDir>/schedules/<job>/changes/<n>.json          followed, paused, resumed: the newest of each is in effect
 *                            ticks/<date>/<time>.json  a tick, by its instant in UTC
 *                            ticks/<date>/<time>.end   how its run ended
 *                            ticks/<date>/<time>.<n>.note  why it waits or is retried: the newest is in effect
 * ```
 *
 * Every file is written under a unique name, synced, and linked to its final name. The link fails if the name
 * exists, and that alone decides between concurrent schedulers. The cursor is the newest name, so it cannot
 * move back. Old days are removed whole; the newest day is never removed.
 */
import { InfraError } from "../../errors.js";
import type { FileSystem } from "../../stores/file-system.js";
import { takesOverMs } from "../../time/schedule.js";
import type { OpenTick, RecordedTick, ScheduleStore, TickEnd, TickProgress } from "../schedule-store.js";
import type { BookPlace } from "./backfill-store.js";
import { makeDurableDirectory } from "./durable-directory.js";
import { decodeTerminatedLine, encodeLine } from "./line.js";
import type { Processes } from "./processes.js";

export interface ScheduleBookPlace extends BookPlace {
  readonly isAlive: Processes["isAlive"];
}

type Change =
  | { readonly type: "followed"; readonly schedule: string; readonly at: string }
  | { readonly type: "paused" | "resumed"; readonly at: string };

/** An open tick that is older than this number of days with ticks is abandoned. */
const openDays = 7;
const keptDays = 90;

export function scheduleStore(place: ScheduleBookPlace): ScheduleStore {
  const { stateDir, fileSystem, uniqueName, isAlive } = place;
  /** By job, ticks that need not be read again: they did not fire, or have ended. */
  const settled = new Map<string, ReadonlySet<string>>();
  const jobDirectory = (job: string): string => `${stateDir}/schedules/${safeName(job)}`;
  const changesOf = (job: string): string => `${jobDirectory(job)}/changes`;
  const ticksOf = (job: string): string => `${jobDirectory(job)}/ticks`;

  /**
   * Durable, even if another process wrote it: a scheduler that lost must not build on a file that a power
   * cut can undo.
   */
  async function putIfAbsent(directory: string, name: string, body: object): Promise<"linked" | "exists"> {
    await makeDurableDirectory(fileSystem, directory);
    const finished = `${directory}/${uniqueName()}.tmp`;
    await fileSystem.writeFile(finished, encodeLine({ v: 1, ...body }));
    const outcome = await fileSystem.link(finished, `${directory}/${name}`);
    await fileSystem.unlink(finished);
    await fileSystem.syncDirectory(directory);
    return outcome;
  }

  async function changes(job: string): Promise<readonly Change[]> {
    // Callers that list jobs also pass specs whose names no schedule can have.
    if (!isJobName(job)) return [];
    const names = await namesIn(fileSystem, changesOf(job), /^\d+\.json$/);
    return Promise.all(names.map((name) => readBody<Change>(fileSystem, `${changesOf(job)}/${name}`)));
  }

  /** If another process makes a change at the same time, both changes are stored, one after the other. */
  async function addChange(job: string, change: Change): Promise<void> {
    for (let n = (await changes(job)).length + 1; ; n++) {
      const name = `${String(n).padStart(8, "0")}.json`;
      if ((await putIfAbsent(changesOf(job), name, change)) === "linked") return;
    }
  }

  async function newestTick(job: string): Promise<string | null> {
    const days = await namesIn(fileSystem, ticksOf(job), dayName);
    for (const day of days.toReversed()) {
      const times = await namesIn(fileSystem, `${ticksOf(job)}/${day}`, tickName);
      const time = times.at(-1);
      if (time !== undefined) return instantOf(day, time);
    }
    return null;
  }

  async function readTick(job: string, day: string, time: string): Promise<RecordedTick> {
    const path = `${ticksOf(job)}/${day}/${time}`;
    const tick = await readBody<Omit<RecordedTick, "end">>(fileSystem, path);
    if (tick.verdict !== "fired") return { ...tick, end: null, progress: null };
    const newest = (await notesOf(job, day, time)).at(-1);
    const note = newest === undefined ? null : `${ticksOf(job)}/${day}/${newest}`;
    return {
      ...tick,
      end: await readEnd(path),
      progress: note === null ? null : await readBody<TickProgress>(fileSystem, note),
    };
  }

  async function notesOf(job: string, day: string, time: string): Promise<readonly string[]> {
    const own = `${time.replace(/\.json$/, "")}.`;
    const notes = await namesIn(fileSystem, `${ticksOf(job)}/${day}`, noteName);
    return notes.filter((name) => name.startsWith(own));
  }

  async function readEnd(tickPath: string): Promise<TickEnd | null> {
    const path = endPathOf(tickPath);
    const bytes = await fileSystem.readFile(path);
    return bytes === null ? null : parseBody<TickEnd>(bytes, path);
  }

  async function setPaused(job: string, type: "paused" | "resumed", now: Date): Promise<boolean> {
    if (isPaused(await changes(job)) === (type === "paused")) return false;
    await addChange(job, { type, at: now.toISOString() });
    return true;
  }

  return {
    async follow(job, schedule, now) {
      let known = await changes(job);
      if (followedSince(known, schedule, now) === null) {
        await addChange(job, { type: "followed", schedule, at: now.toISOString() });
        known = await changes(job);
      }
      const since = followedSince(known, schedule, now) ?? now.toISOString();
      const resumed = known.filter(({ type }) => type === "resumed").map(({ at }) => Date.parse(at));
      const newest = await newestTick(job);
      const cursor = Math.max(Date.parse(since), ...resumed, newest === null ? 0 : Date.parse(newest));
      return { cursor: new Date(cursor), paused: isPaused(known) };
    },
    async record(job, tick, by) {
      const { day, time } = placeOf(tick.at);
      const outcome = await putIfAbsent(`${ticksOf(job)}/${day}`, time, { ...tick, by });
      return outcome === "linked" ? "recorded" : "exists";
    },
    async end(job, at, end) {
      const { day, time } = placeOf(at);
      await putIfAbsent(`${ticksOf(job)}/${day}`, endPathOf(time), end);
    },
    async note(job, at, progress) {
      const { day, time } = placeOf(at);
      for (let n = (await notesOf(job, day, time)).length + 1; ; n++) {
        const name = time.replace(/json$/, `${String(n).padStart(5, "0")}.note`);
        if ((await putIfAbsent(`${ticksOf(job)}/${day}`, name, progress)) === "linked") return;
      }
    },
    async endOf(job, at) {
      const { day, time } = placeOf(at);
      return readEnd(`${ticksOf(job)}/${day}/${time}`);
    },
    async open(job) {
      const before = settled.get(job) ?? new Set();
      const now = new Set<string>();
      const open: OpenTick[] = [];
      for (const day of (await namesIn(fileSystem, ticksOf(job), dayName)).slice(-openDays)) {
        for (const time of await namesIn(fileSystem, `${ticksOf(job)}/${day}`, tickName)) {
          const key = `${day}/${time}`;
          const tick = before.has(key) ? null : await readTick(job, day, time);
          if (tick?.verdict === "fired" && tick.end === null)
            open.push({ ...tick, isHeld: isAlive(tick.by) !== "dead" });
          else now.add(key);
        }
      }
      settled.set(job, now);
      return open;
    },
    async *ticks(job) {
      if (!isJobName(job)) return;
      for (const day of (await namesIn(fileSystem, ticksOf(job), dayName)).toReversed())
        for (const time of (await namesIn(fileSystem, `${ticksOf(job)}/${day}`, tickName)).toReversed())
          yield readTick(job, day, time);
    },
    // Not needed: processes of this machine can be checked directly.
    attend: async () => undefined,
    pause: (job, now) => setPaused(job, "paused", now),
    resume: (job, now) => setPaused(job, "resumed", now),
    isPaused: async (job) => isPaused(await changes(job)),
    async prune(job) {
      const days = await namesIn(fileSystem, ticksOf(job), dayName);
      for (const day of days.slice(0, Math.max(0, days.length - keptDays)))
        await fileSystem.removeTree(`${ticksOf(job)}/${day}`);
    },
  };
}

const dayName = /^\d{4}-\d\d-\d\d$/;
const tickName = /^\d{6}\.json$/;
const noteName = /^\d{6}\.\d{5}\.note$/;

/**
 * Job names are validated when specs are read; this check prevents writes outside the state directory if that
 * fails.
 */
function safeName(job: string): string {
  if (isJobName(job)) return job;
  throw new InfraError("infra.journal-corrupt", `\`${job}\` is not a valid job name`);
}

function isJobName(job: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(job);
}

function isPaused(changes: readonly Change[]): boolean {
  return changes.findLast(({ type }) => type !== "followed")?.type === "paused";
}

/**
 * Returns since when the schedule is followed; `null`: it is new, or another one replaced it too long ago.
 */
function followedSince(changes: readonly Change[], schedule: string, now: Date): string | null {
  const followed = changes.filter((change) => change.type === "followed");
  const place = followed.findLastIndex((change) => change.schedule === schedule);
  const replaced = followed[place + 1];
  if (replaced !== undefined && Date.parse(replaced.at) <= now.getTime() - takesOverMs) return null;
  return followed[place]?.at ?? null;
}

/** `2026-01-15T02:15:00.000Z` -> `2026-01-15`, `021500.json`. Schedules have no fractions of a second. */
function placeOf(at: string): { readonly day: string; readonly time: string } {
  return { day: at.slice(0, 10), time: `${at.slice(11, 19).replaceAll(":", "")}.json` };
}

function instantOf(day: string, time: string): string {
  return `${day}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4, 6)}.000Z`;
}

function endPathOf(path: string): string {
  return path.replace(/\.json$/, ".end");
}

async function namesIn(
  fileSystem: FileSystem,
  directory: string,
  pattern: RegExp,
): Promise<readonly string[]> {
  return ((await fileSystem.list(directory)) ?? []).filter((name) => pattern.test(name));
}

async function readBody<T>(fileSystem: FileSystem, path: string): Promise<T> {
  return parseBody(await fileSystem.readFile(path), path);
}

function parseBody<T>(bytes: Uint8Array | null, path: string): T {
  const body = bytes === null ? null : decodeTerminatedLine(bytes);
  if (body?.v === 1) {
    const { v: _version, crc: _sum, ...told } = body;
    return told as T;
  }
  throw new InfraError("infra.journal-corrupt", `${path} is damaged or from a newer version`, {
    hint: "Move it away: only the record of this one tick or change is lost.",
  });
}
