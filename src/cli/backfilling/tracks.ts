/** Worker hosts for runs side by side: a crash takes down one of them, and blame never falls on another run. */
import type { App } from "../../app.js";
import type { Observer } from "../../observers/observer.js";
import type { RunOptions, RunRequest } from "../../running/run-request.js";
import type { Track } from "../../service/backfill.js";
import { warningNote } from "../output/note.js";
import { runWithProgress } from "../running/follow-run.js";
import type { InputWait } from "../running/wait-for-input.js";
import type { Cli } from "../shell/context.js";

export interface TrackOptions {
  readonly tracks: number;
  readonly specPath: string;
  readonly restart: boolean;
  readonly takeOver: boolean;
  /** Of every interval's run. */
  readonly observers: readonly Observer[];
  readonly wait: InputWait;
}

export interface Tracks {
  readonly all: readonly Track[];
  close(): Promise<void>;
}

/** Several tracks share the cores and the memory; one has all, and shows its progress. */
export async function openTracks(
  cli: Cli,
  { tracks, specPath, restart, takeOver, observers, wait }: TrackOptions,
): Promise<Tracks> {
  const { apps, close } = await openApps(cli, tracks);
  const shown = tracks === 1 ? cli : withoutProgress(cli);
  const all: Track[] = [];
  for (const app of apps) {
    const runner = await app.runner();
    all.push(async ({ job, interval, reprocess }, signal) => {
      const request: RunRequest = {
        ...{ job, kind: "spec", specPath, trigger: "backfill", guess: false },
        ...{ reprocess, restart, takeOver },
      };
      const look = { label: interval.ds, lines: "warnings" } as const;
      const start = (options: RunOptions) =>
        wait.run(runner, request, { ...options, signal, lane: "backfill" });
      return (await runWithProgress(shown, start, look, observers)).outcome;
    });
  }
  return { all, close };
}

export interface Apps {
  readonly apps: readonly App[];
  close(): Promise<void>;
}

/** One app is the command's own, which closes with it; of several each has its share of the machine. */
export async function openApps(cli: Cli, count: number): Promise<Apps> {
  if (count === 1) return { apps: [await cli.app()], close: async () => undefined };
  const apps: App[] = [];
  for (let index = 0; index < count; index++) apps.push(await appWithShare(cli, count));
  return { apps, close: async () => void (await Promise.all(apps.map((app) => app.close()))) };
}

/** As if there were that many tracks. */
export async function appWithShare({ settings, secrets, note }: Cli, tracks: number): Promise<App> {
  const { createApp } = await import("../../app.js");
  const share = (whole: number): number => Math.max(1, Math.floor(whole / tracks));
  const { cores, memoryBytes, hostBytes } = settings;
  const part = { cores: share(cores), memoryBytes: share(memoryBytes), hostBytes: share(hostBytes) };
  return createApp({ ...settings, ...part }, { secrets, onWarning: (text) => note(warningNote(text)) });
}

/** Bars of several runs would overwrite each other. Events say which run they are of. */
function withoutProgress(cli: Cli): Cli {
  const { globals } = cli;
  if (globals.json || globals.progress === "json") return cli;
  return { ...cli, globals: { ...globals, progress: "none" } };
}
