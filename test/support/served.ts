/** `serve` as a process with a clock of its own, followed by its events. */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { processes } from "../../src/ledgers/journal/processes.js";
import { scheduleStore } from "../../src/ledgers/journal/schedule-store.js";
import { openPostgresStores } from "../../src/ledgers/postgres/stores.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { preloadPath } from "./cli.js";
import { type RunLine, type Running, startNightshift } from "./nightshift.js";
import { urlOf } from "./postgres-ledgers.js";

const clockPath = fileURLToPath(new URL("./shifted-clock.mjs", import.meta.url));

type Environment = { readonly [name: string]: string };

/** Of a process whose clock shows `at` when it is started, and that can be killed: see kill-at.mjs. */
export function clockAt(at: string, more: Environment = {}): Environment {
  const imports = [clockPath, preloadPath].map((path) => `--import ${pathToFileURL(path).href}`);
  return {
    NODE_OPTIONS: imports.join(" "),
    NIGHTSHIFT_CLOCK: JSON.stringify({ shiftMs: Date.parse(`${at}Z`) - Date.now() }),
    ...more,
  };
}

/** Of one process that is to be all of it. */
export function together(...environments: readonly Environment[]): Environment {
  const options = environments.flatMap(({ NODE_OPTIONS }) => NODE_OPTIONS ?? []);
  return { ...Object.assign({}, ...environments), NODE_OPTIONS: options.join(" ") };
}

export interface Served extends Running {
  readonly events: readonly RunLine[];
  /** Resolves with the first event of this type, or `null` when the process ends without one. */
  until(type: string, also?: (event: RunLine) => boolean): Promise<RunLine | null>;
}

export function serveIn(cwd: string, env: Environment, ...more: readonly string[]): Served {
  const events: RunLine[] = [];
  const waiting = new Set<() => void>();
  const where = "NIGHTSHIFT_LEDGER" in env ? [] : ["--embedded"];
  const running = startNightshift(cwd, ["serve", ...where, "--json", "--listen", "none", ...more], {
    env,
    onEvent(event) {
      events.push(event);
      for (const look of waiting) look();
    },
  });
  living.add(running);
  void running.finished.then(() => living.delete(running));
  const until = (type: string, also: (event: RunLine) => boolean = () => true): Promise<RunLine | null> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = events.find((event) => event.type === type && also(event));
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      void running.finished.then(() => resolve(null));
      look();
    });
  return { ...running, events, until };
}

const living = new Set<Running>();

/** What a test that broke off left behind would keep the cores from the next one. */
export async function endServed(): Promise<void> {
  const left = [...living];
  for (const { child } of left) child.kill("SIGKILL");
  await Promise.all(left.map(({ finished }) => finished));
}

/** SIGTERM. @returns the exit code */
export async function stop({ child, finished }: Running): Promise<number | null> {
  child.kill("SIGTERM");
  return (await finished).status;
}

/** As if a scheduler had been there before, with its ledger in a database: ticks since then are caught up with. */
export async function followedSince(at: Date, job: string, schedule: string, url: string): Promise<void> {
  const stores = await openPostgresStores({ url: urlOf(url), newId: newUuid, isAlive: () => "dead" });
  try {
    await stores.schedules.follow(job, schedule, at);
  } finally {
    await stores.close();
  }
}

/** The same with its stores in the project's own state directory. */
export async function followedHereSince(at: Date, job: string, schedule: string, cwd: string): Promise<void> {
  const place = {
    ...{ stateDir: join(cwd, ".nightshift"), fileSystem: localFileSystem(), uniqueName: newUuid },
    isAlive: processes().isAlive,
  };
  await scheduleStore(place).follow(job, schedule, at);
}
