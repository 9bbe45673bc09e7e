/** Two nights of a service, on a clock that jumps: one goes well, one fails, is told, is mended, and recovers. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { App } from "../../app.js";
import { CancelledError } from "../../errors.js";
import type { Observer, RunEnd } from "../../observer.js";
import type { RunRequest } from "../../running/run-request.js";
import { createScheduler, type Scheduler } from "../../scheduler.js";
import { jobFor } from "../lookup/jobs.js";
import { runTick } from "../serving/run-tick.js";
import { specFolder } from "../serving/spec-folder.js";
import { watchJobs } from "../serving/watch-jobs.js";
import type { Cli } from "../shell/context.js";
import { watched } from "../watching/watched.js";
import { type JumpingClock, jumpingClock } from "./jumping-clock.js";
import { lateDay, makeNightlyProject, upload } from "./nightly-project.js";
import { type NightlyText, nightlyText } from "./nightly-text.js";
import { type WebhookReceiver, webhookReceiver } from "./webhook-receiver.js";

const folder = "nightshift-nightly";

/** @returns the exit code */
export async function runNightly(given: Cli): Promise<number> {
  const directory = join(given.cwd, folder);
  const clock = jumpingClock(given.clock, "2001-06-12T02:14:00Z");
  const text = nightlyText(given, clock, folder, directory);
  if (existsSync(directory)) {
    text.alreadyThere();
    return 0;
  }
  makeNightlyProject(directory);
  const receiver = await webhookReceiver();
  const { cli, app } = await openThere(given, directory, clock, receiver.url);
  try {
    text.beginning();
    const story: Story = {
      ...{ stop: given.gently(), cli, app, clock, receiver, directory, text },
      ends: [],
    };
    await twoNights(story);
    text.end(story.ends);
    return story.ends.at(-1)?.status === "published" ? 0 : 1;
  } finally {
    await app.close();
    await receiver.close();
  }
}

interface Story {
  readonly stop: AbortSignal;
  /** In the folder, with its own clock and journal, and silent. */
  readonly cli: Cli;
  readonly app: App;
  readonly clock: JumpingClock;
  readonly receiver: WebhookReceiver;
  readonly directory: string;
  readonly text: NightlyText;
  readonly ends: RunEnd[];
}

async function openThere(given: Cli, directory: string, clock: JumpingClock, webhook: string) {
  const { createApp } = await import("../../app.js");
  const environment = { ...given.settings.environment, NIGHTLY_WEBHOOK: webhook };
  const own = { stateDir: join(directory, ".nightshift"), ledger: null, queue: null };
  const settings = { ...given.settings, ...own, environment };
  const app = createApp(settings, { secrets: given.secrets, onWarning: given.err.line, clock });
  const err = { ...given.err, line: () => undefined };
  const cli: Cli = { ...given, cwd: directory, settings, clock, err, app: async () => app };
  return { cli, app };
}

async function twoNights(story: Story): Promise<void> {
  const { cli, app, clock, receiver, text, stop } = story;
  const specs = specFolder(cli, join(story.directory, "jobs"), () => undefined);
  const watch = await watchJobs(cli, app, () => []);
  const ticks = endedTicks();
  const scheduler = await openScheduler(story, specs.jobs, watch.of, ticks.ended);
  const look = async (instant: string): Promise<void> => {
    clock.jumpTo(instant);
    await specs.refresh();
    await scheduler.look();
    await watch.look(specs.jobs());
  };
  await look("2001-06-12T02:14:00Z");

  await look("2001-06-12T02:15:00Z");
  await orStopped(ticks.next(), stop);
  text.space();
  await look("2001-06-13T02:15:00Z");
  await orStopped(ticks.next(), stop);
  text.webhook(await orStopped(receiver.next(), stop));
  await look("2001-06-13T06:00:00Z");
  text.webhook(await orStopped(receiver.next(), stop));
  text.space();
  clock.jumpTo("2001-06-13T07:40:00Z");
  text.mended(upload(story.directory));
  await runByHand(story);
  text.webhook(await orStopped(receiver.next(), stop));
  await scheduler.drain();
  await watch.close();
}

async function openScheduler(
  story: Story,
  jobs: ReturnType<typeof specFolder>["jobs"],
  observersOf: (served: ReturnType<typeof jobs>[number]) => Promise<readonly Observer[]>,
  ended: () => void,
): Promise<Scheduler> {
  const { cli, app, clock, text, stop } = story;
  const { processes } = await import("../../ledgers/journal/processes.js");
  return createScheduler({
    ...{ book: await app.scheduleBook(), clock, self: processes().self() },
    ...{ jobs, maxParallel: 1 },
    // Nobody else works on these runs.
    makeWay: async () => undefined,
    async run({ name }, at, signal) {
      const served = jobs().find((job) => job.name === name);
      if (served === undefined) return "stopped";
      return runTick(cli, app, served, at, {
        signal: AbortSignal.any([signal, stop]),
        observers: [...(await observersOf(served)), telling(story)],
      });
    },
    tell(event) {
      if (event.type === "tick.started") text.tick(event.job, event.at);
      if (event.type === "tick.ended") ended();
    },
  });
}

/** What somebody types who read the notice. */
async function runByHand(story: Story): Promise<void> {
  const { cli, app, text, stop } = story;
  text.command(`run flight-delay --at ${lateDay}`);
  const { job, specPath, notify } = await jobFor(cli, "flight-delay", { at: lateDay });
  const request: RunRequest = {
    ...{ job, kind: "spec", specPath, trigger: "cli", guess: false },
    ...{ reprocess: false, restart: false, takeOver: false },
  };
  const runner = await app.runner();
  await watched(cli, {}, { name: job.name, notify }, (observers) =>
    runner.run(request, { signal: stop, observers: [...observers, telling(story)] }),
  );
}

function telling({ ends, text }: Story): Observer {
  return {
    on: () => undefined,
    ended(end) {
      ends.push(end);
      text.ended(end);
    },
  };
}

/** Whoever presses Ctrl-C waits for nothing that will not come any more. */
async function orStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
  let onAbort = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    onAbort = () => reject(new CancelledError());
    stop.addEventListener("abort", onAbort, { once: true });
    if (stop.aborted) onAbort();
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    stop.removeEventListener("abort", onAbort);
  }
}

/** Ends of ticks, one after the other. */
function endedTicks() {
  let ends = 0;
  let wake: () => void = () => undefined;
  return {
    ended() {
      ends += 1;
      wake();
    },
    async next() {
      while (ends === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      ends -= 1;
    },
  };
}
