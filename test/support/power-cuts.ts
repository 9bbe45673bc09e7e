/** Records publishing through the file layer and proves what a crash at any operation leaves to be good enough. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Receipt } from "../../src/job/partition.js";
import { DiskModel, type DiskState, type Fault, type Operation } from "./disk-model.js";
import {
  assertDecidedBeforeShown,
  expected,
  expectedQuarantine,
  type Flow,
  finish,
  isDecided,
  prepare,
  quarantinedRows,
  see,
  targetOf,
} from "./publishing-flows.js";
import { recordingFileSystem, unsyncedFileSystem } from "./recording-file-system.js";

export interface Recording {
  readonly flow: Flow;
  readonly receipts: readonly Receipt[];
  /** How many of the operations had happened when the last receipt was handed back. */
  readonly prepared: number;
  readonly operations: readonly Operation[];
}

/** @param root an empty directory */
export async function record(flow: Flow, root: string): Promise<Recording> {
  const fileSystem = recordingFileSystem(root);
  const target = targetOf(flow, root, fileSystem);
  const receipts = await prepare(flow, target);
  const prepared = fileSystem.operations.length;
  await finish(flow, target, receipts);
  return { flow, receipts, prepared, operations: fileSystem.operations };
}

let roots = 0;
async function inFreshRoot<T>(
  parent: string,
  state: DiskState,
  act: (root: string) => Promise<T>,
): Promise<T> {
  const root = join(parent, String(roots++));
  mkdirSync(root);
  try {
    state.materialise(root);
    return await act(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Readers see one whole publication, and publishing again ends as if nothing had happened. */
export async function assertSurvives(recording: Recording, parent: string, state: DiskState): Promise<void> {
  const { flow, receipts } = recording;
  const { before, after } = expected(flow);
  await inFreshRoot(parent, state, async (root) => {
    const target = targetOf(flow, root, unsyncedFileSystem);
    const allowed = flow.mayVanish ? [before, after, null] : [before, after];
    expect(allowed).toContain(see(flow, target));
    assertDecidedBeforeShown(flow, target);
    await finish(flow, target, receipts);
    assertPublished(flow, target);
  });
}

function assertPublished(flow: Flow, target: ReturnType<typeof targetOf>): void {
  expect(see(flow, target)).toBe(expected(flow).after);
  expect(isDecided(flow, target)).toBe(true);
  expect(quarantinedRows(flow, target)).toBe(expectedQuarantine(flow));
}

/** Everything that could be found on the disk after a crash, from the last receipt on, each once; newest first. */
export function aftermaths(recording: Recording, fault?: Fault): readonly DiskState[] {
  const states = new Map<string, DiskState>();
  for (let count = recording.operations.length; count >= recording.prepared; count--) {
    for (const state of DiskModel.after(recording.operations.slice(0, count), fault).everyAftermath()) {
      if (!states.has(state.key)) {
        states.set(state.key, { ...state, name: `after ${count} operations, ${state.name}` });
      }
    }
  }
  return [...states.values()];
}

/** Once publishing has returned, a power cut changes nothing. */
export async function assertDurable(flow: Flow, parent: string, model: DiskModel): Promise<void> {
  await inFreshRoot(parent, model.afterPowerCut(), async (root) => {
    assertPublished(flow, targetOf(flow, root));
  });
}

/** Killed after `count` operations, finished by another process, then the power goes. */
export async function assertDurableAfterKill(
  recording: Recording,
  parent: string,
  count: number,
  fault?: Fault,
): Promise<void> {
  const { flow, receipts } = recording;
  const done = recording.operations.slice(0, count);
  const both = await inFreshRoot(parent, DiskModel.after(done).afterKill(), async (root) => {
    const fileSystem = recordingFileSystem(root, done);
    await finish(flow, targetOf(flow, root, fileSystem), receipts);
    return fileSystem.operations;
  });
  await assertDurable(flow, parent, DiskModel.after(both, fault));
}

export function killPoints({ prepared, operations }: Recording): readonly number[] {
  return Array.from({ length: operations.length - prepared + 1 }, (_, index) => prepared + index);
}
