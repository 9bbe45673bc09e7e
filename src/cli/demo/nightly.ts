/** Two nights of a service, on a clock that jumps: late input heals the first; the second fails, and a person recovers it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CancelledError } from "../../errors.js";
import type { TickProgress } from "../../ledgers/schedule-store.js";
import type { Observer, RunEnd } from "../../observers/observer.js";
import type { RunRequest } from "../../running/run-request.js";
import type { App } from "../../service/context.js";
import { jobFor } from "../../service/jobs.js";
import { withObservers } from "../../service/observe.js";
import { createScheduler, type Scheduler } from "../../service/scheduler.js";
import { specFolder } from "../../service/spec-folder.js";
import { type JobWatch, runWatchedTick, watchJobs } from "../../service/watch-jobs.js";
import type { Cli } from "../shell/context.js";
import { type JumpingClock, jumpingClock } from "./jumping-clock.js";
import { firstDay, lateDay, makeNightlyProject, upload } from "./nightly-project.js";
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
      ...{ stop: given.stopGracefully(), cli, app, clock, receiver, directory, text },
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
  const environment = { ...given.settings.environment, NIGHTLY_WEBHOOK: webhook };
  const own = { stateDir: join(directory, ".nightshift"), ledger: null, queue: null };
  const settings = { ...given.settings, ...own, environment };
  const app = await given.openApp(settings, clock);
  const err = { ...given.err, line: () => undefined };
  const cli: Cli = {
    ...{ ...given, cwd: directory, settings, clock, err },
    ...{ app: async () => app, note: () => undefined },
  };
  return { cli, app };
}

async function twoNights(story: Story): Promise<void> {
  const { cli, clock, receiver, text, stop } = story;
  const specs = specFolder(cli, join(story.directory, "jobs"), () => undefined);
  const watch = await watchJobs(cli, () => []);
  const ticks = tickEvents();
  const scheduler = await openScheduler(story, specs.jobs, watch, ticks.add);
  const look = async (instant: string): Promise<void> => {
    clock.jumpTo(instant);
    await specs.refresh();
    await scheduler.look();
    await watch.look(specs.jobs());
  };
  const webhook = async (): Promise<void> => text.webhook(await orStopped(receiver.next(), stop));
  const tick = (): Promise<TickEvent> => orStopped(ticks.next(), stop);
  await look("2001-06-12T02:14:00Z");

  await look("2001-06-12T02:15:00Z");
  await tick();
  await webhook();
  clock.jumpTo("2001-06-12T02:45:00Z");
  text.arrived(firstDay, upload(story.directory, firstDay));
  await look("2001-06-12T02:45:00Z");
  await tick();
  await webhook();
  text.space();
  await look("2001-06-13T02:15:00Z");
  const waiting = await tick();
  await webhook();
  await look(waiting.progress?.until ?? "2001-06-13T04:15:00Z");
  await tick();
  await webhook();
  await look("2001-06-13T06:00:00Z");
  await webhook();
  text.space();
  clock.jumpTo("2001-06-13T07:40:00Z");
  text.arrived(lateDay, upload(story.directory, lateDay));
  await runByHand(story);
  await webhook();
  await scheduler.drain();
  await watch.close();
}

async function openScheduler(
  story: Story,
  jobs: ReturnType<typeof specFolder>["jobs"],
  watch: JobWatch,
  onTick: (event: TickEvent) => void,
): Promise<Scheduler> {
  const { cli, app, clock, text, stop } = story;
  return createScheduler({
    ...{ book: await app.scheduleStore(), clock, self: (await app.processes()).self() },
    ...{ jobs, maxParallel: 1 },
    // No other process executes these runs.
    preempt: async () => undefined,
    async run({ name }, at, signal, before) {
      const served = jobs().find((job) => job.name === name);
      if (served === undefined) return "stopped";
      return runWatchedTick(cli, app, served, at, {
        ...{ watch, before, signal: AbortSignal.any([signal, stop]) },
        observersOf: async (spec, tick) => [...(await watch.of(spec, tick)), telling(story)],
      });
    },
    tell(event) {
      if (event.type === "tick.started") text.tick(event.job, event.at);
      if (event.type === "tick.waiting") {
        text.waiting(event.progress, story.directory);
        onTick({ progress: event.progress });
      }
      if (event.type === "tick.ended") onTick({ progress: null });
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
  await withObservers(cli, {}, { name: job.name, notify }, (observers) =>
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

/** After Ctrl-C, pending waits end immediately. */
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

/** A tick began to wait, or ended. */
interface TickEvent {
  readonly progress: TickProgress | null;
}

/** Events of ticks, one after the other. */
function tickEvents() {
  const events: TickEvent[] = [];
  let wake: () => void = () => undefined;
  return {
    add(event: TickEvent) {
      events.push(event);
      wake();
    },
    async next(): Promise<TickEvent> {
      while (true) {
        const event = events.shift();
        if (event !== undefined) return event;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
