import { describe, it } from "vitest";
import { DiskModel } from "../support/disk-model.js";
import { freshDirectory } from "../support/file-target.js";
import {
  aftermaths,
  assertDurable,
  assertDurableAfterKill,
  assertSurvives,
  killPoints,
  record,
} from "../support/power-cuts.js";
import { flows } from "../support/publishing-flows.js";

describe.each(flows)("$name", (flow) => {
  it("survives a power cut after every operation", async () => {
    const recording = await record(flow, freshDirectory());
    const parent = freshDirectory();
    const states = aftermaths(recording);
    for (const state of states) {
      await assertSurvives(recording, parent, state).catch((error: unknown) => {
        throw new Error(`${flow.name}, ${state.name}: ${String(error)}`, { cause: error });
      });
    }
    console.log(`${flow.name}: ${killPoints(recording).length} crash points, ${states.length} disk states`);
  });

  it("is durable when it returns, also where a killed process began it", async () => {
    const recording = await record(flow, freshDirectory());
    const parent = freshDirectory();
    await assertDurable(flow, parent, DiskModel.after(recording.operations));
    for (const count of killPoints(recording)) await assertDurableAfterKill(recording, parent, count);
  });
});
