import { setTimeout as sleep } from "node:timers/promises";
import type { Run } from "../../job/run.js";
import type { RunEvent } from "../../job/run-events.js";
import type { FileSystem } from "../../stores/file-system.js";
import { endsRun, toEvent } from "./events.js";
import { historyStart, readBatches, readHistory } from "./history.js";

const pollMs = 100;

/**
 * Yields the events of a run from its beginning, then new ones until it has ended or the signal fires. It
 * polls, because file watchers miss changes on network file systems.
 *
 * It also yields events of the newest owner that are not confirmed as durable yet. If that owner turns out to
 * be outdated, its last events may have been shown although they are void.
 */
export async function* followRun(
  fileSystem: FileSystem,
  directory: string,
  run: Run,
  signal: AbortSignal,
): AsyncGenerator<RunEvent> {
  let position = historyStart;
  let ended = false;
  while (!signal.aborted) {
    const history = await readHistory(fileSystem, directory);
    for await (const { records, next } of readBatches(fileSystem, history, position)) {
      position = next;
      for (const record of records) {
        ended = endsRun(record) ?? ended;
        const event = toEvent(run, record);
        if (event !== null) yield event;
        if (signal.aborted) return;
      }
    }
    if (ended) return;
    await sleep(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
