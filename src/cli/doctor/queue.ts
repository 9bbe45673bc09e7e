import type { Queue } from "../../dispatchers/queue.js";
import { channelsOf, laneNames } from "../../job/lane.js";
import type { SeenWorker } from "../../ledgers/ledger.js";
import { counted } from "../../text/human.js";
import { sharedLedger } from "../../wiring/queue-parts.js";
import type { Cli } from "../shell/context.js";
import { type Finding, failedFinding } from "./finding.js";

/** Since then there are the commands that BullMQ uses. */
const oldestRedis = "6.2";

/** Checks the queue of `--queue`: it answers, does not evict messages, and a worker takes from it. */
export async function checkQueue(cli: Cli): Promise<readonly Finding[]> {
  const check = "queue";
  try {
    const app = await cli.app();
    const server = await checkServer(cli);
    const ledger = sharedLedger(await app.ledger());
    const workers = await ledger.listWorkers();
    return [...server, await checkWaiting(await app.queue(), workers), ...checkWorkers(workers)];
  } catch (thrown) {
    return [failedFinding(check, thrown)];
  }
}

/** Opening one on PostgreSQL has looked for its tables. */
async function checkServer(cli: Cli): Promise<readonly Finding[]> {
  const check = "queue";
  const { redisFacts, isRedisUrl } = await import("../../dispatchers/queue/redis-backend.js");
  const url = cli.settings.queue ?? "";
  if (!isRedisUrl(url)) return [{ check, result: "ok", detail: (await (await cli.app()).queue()).place }];
  const { place, version, evictionPolicy } = await redisFacts(url);
  const detail = `${place}, Redis ${version ?? "of an unknown version"}, ${evictionPolicy ?? "unknown eviction"}`;
  if (version !== null && isOlder(version, oldestRedis))
    return [{ check, result: "fail", detail, hint: `Use Redis ${oldestRedis} or newer, or Valkey.` }];
  if (evictionPolicy === null || evictionPolicy === "noeviction") return [{ check, result: "ok", detail }];
  return [
    {
      check,
      result: "warn",
      detail,
      hint: "Set maxmemory-policy to noeviction: messages that it drops come again only after some seconds.",
    },
  ];
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, undefined, { numeric: true }) < 0;
}

async function checkWaiting(queue: Queue, workers: readonly SeenWorker[]): Promise<Finding> {
  const tags = workers.flatMap((worker) => worker.tags);
  const waiting = Object.entries(await queue.pending(channelsOf(tags, laneNames)))
    .filter(([, messages]) => messages > 0)
    .map(([name, messages]) => `${messages} ${name}`);
  return { check: "waiting", result: "ok", detail: waiting.length === 0 ? "nothing" : waiting.join(", ") };
}

function checkWorkers(workers: readonly SeenWorker[]): readonly Finding[] {
  if (workers.length === 0)
    return [
      {
        check: "workers",
        result: "warn",
        detail: "none is there",
        hint: "Start one with: nightshift worker. Runs over the queue wait until then.",
      },
    ];
  return workers.map(({ host, pid, threads, tags, lanes, version, heardSecondsAgo }) => ({
    check: "worker",
    result: "ok",
    detail: `${host} (${pid}), ${counted(threads, "thread")}, ${tags.join(" ")}; ${lanes.join(" ")}; version ${version}, heard ${Math.round(heardSecondsAgo)} s ago`,
  }));
}
