import { describe, expect, it } from "vitest";
import type { Deciding } from "../../src/sinks/publication-log/deciding.js";
import { type Intent, nextEntry } from "../../src/sinks/publication-log/next-entry.js";
import { decisionOf, type LogEntry, publishedOf } from "../../src/sinks/publication-log/publication-log.js";
import { commitOf, logRun } from "../support/log-intents.js";
import { type Actor, type Explored, explore, type World } from "../support/log-schedules.js";

const at = "2026-01-01T00:00:00.000Z";

function check(name: string, log: readonly LogEntry[], actors: readonly Actor[]): Explored {
  const explored = explore(log, actors, (world) => {
    assertOneDecisionPerRun(world);
    assertEverybodyAdoptsIt(world);
    assertNothingOfAnAbortedRunIsLive(world);
    assertNumbersFollow(world);
  });
  for (const ending of explored.endings) {
    for (const actor of ending.actors) expect(["decided", "refused"]).toContain(actor.at.step);
  }
  console.log(`${name}: ${explored.schedules} schedules over ${explored.states} states`);
  return explored;
}

function assertOneDecisionPerRun({ log }: World): void {
  for (const id of new Set(log.map((entry) => entry.run.id))) {
    const deciding = log.filter((entry) => entry.run.id === id && entry.action !== "rollback");
    expect(deciding.length, `entries that decide ${id}`).toBe(1);
    expect(decisionOf(log.at(-1) ?? null, id)).toMatchObject({
      outcome: deciding[0]?.action,
      publication: deciding[0]?.seq,
    });
  }
}

function assertEverybodyAdoptsIt({ log, actors }: World): void {
  for (const { at, intent } of actors) {
    if (at.step !== "decided") continue;
    const entry = log[at.seq - 1];
    expect(entry?.action).toBe(at.outcome);
    if (intent.action !== "rollback") expect(entry?.run.id).toBe(intent.run.id);
  }
}

function assertNothingOfAnAbortedRunIsLive({ log }: World): void {
  const aborted = new Set(log.filter((entry) => entry.action === "abort").map((entry) => entry.run.id));
  for (const entry of log) {
    for (const file of entry.files)
      expect(aborted.has(file.runId), `${file.path} in ${entry.seq}`).toBe(false);
    for (const run of entry.runs) expect(aborted.has(run.id)).toBe(false);
  }
}

function assertNumbersFollow({ log }: World): void {
  log.forEach((entry, index) => {
    expect(entry.seq).toBe(index + 1);
    expect(entry.previous).toBe(index === 0 ? null : index);
  });
}

function owners(entry: LogEntry | undefined): readonly string[] {
  return [...new Set(entry?.files.map((file) => file.runId))].sort();
}

function logOf(...intents: readonly Intent[]): readonly LogEntry[] {
  const log: LogEntry[] = [];
  for (const intent of intents) log.push(nextEntry(intent, log.at(-1) ?? null));
  return log;
}

const x = logRun("x", { scope: "2026-01-02" });
const y = logRun("y", { scope: "2026-01-03" });
const abortX: Intent = { action: "abort", at, run: x };
const [first, second] = logOf(commitOf(logRun("o", { scope: "a" })), commitOf(logRun("p", { scope: "b" })));
if (first === undefined || second === undefined) throw new Error("two entries were put");
const rollback: Intent = { action: "rollback", at, hide: [2], show: first };

describe("every interleaving", () => {
  for (const mode of ["replace", "append"] as const) {
    it(`of two coordinators of one run, an abort of it and another run, in mode ${mode}`, () => {
      const { endings } = check(
        `two publishers, an abort, another run (${mode})`,
        [],
        [
          { name: "publish x", intent: commitOf(x, { mode }), losses: 1 },
          { name: "publish x, second coordinator", intent: commitOf(x, { mode }), losses: 1 },
          { name: "abort x", intent: abortX, losses: 1 },
          { name: "publish y", intent: commitOf(y, { mode }), losses: 1 },
        ],
      );
      const seen = new Set<string>();
      for (const { log, actors } of endings) {
        const outcome = decisionOf(log.at(-1) ?? null, "x")?.outcome;
        for (const { at, intent } of actors) {
          const ofX = intent.action !== "rollback" && intent.run.id === "x";
          if (ofX) expect(at).toMatchObject({ step: "decided", outcome });
        }
        const live = owners(log.at(-1)).join("+");
        seen.add(`${outcome}: ${live}`);
      }
      // Each outcome that is possible was reached, and no other one.
      expect([...seen].sort()).toEqual(
        mode === "append" ? ["abort: y", "commit: x+y"] : ["abort: y", "commit: x", "commit: y"],
      );
    });
  }

  it("of two runs in mode error: one is published, the other refused", () => {
    const { endings } = check(
      "two runs in mode error",
      [],
      [
        { name: "publish x", intent: commitOf(x, { mode: "error" }), losses: 2 },
        { name: "publish y", intent: commitOf(y, { mode: "error" }), losses: 2 },
        { name: "abort x", intent: abortX, losses: 1 },
      ],
    );
    for (const { log } of endings) expect(owners(log.at(-1)).length).toBe(1);
  });

  it("of two generations of one interval: the older never supersedes the newer", () => {
    const older = commitOf(logRun("g1", { scope: "s", generation: 1 }), { mode: "append" });
    const newer = commitOf(logRun("g2", { scope: "s", generation: 2 }), { mode: "append" });
    const { endings } = check(
      "two generations",
      [],
      [
        { name: "generation 1", intent: older, losses: 2 },
        { name: "generation 2", intent: newer, losses: 2 },
        { name: "publish y", intent: commitOf(y, { mode: "append" }), losses: 1 },
      ],
    );
    for (const { log } of endings) expect(owners(log.at(-1))).toEqual(["g2", "y"]);
  });

  it("of two rollbacks, a publication and an abort", () => {
    const { endings } = check(
      "two rollbacks, a publisher, an abort",
      [first, second],
      [
        { name: "rollback", intent: rollback, losses: 1 },
        { name: "rollback by another process", intent: rollback, losses: 1 },
        { name: "publish x", intent: commitOf(x), losses: 1 },
        { name: "abort x", intent: abortX, losses: 1 },
      ],
    );
    for (const { log, actors } of endings) {
      const rollbacks = log.filter((entry) => entry.action === "rollback");
      expect(rollbacks.length).toBeLessThanOrEqual(1);
      const [hiding] = rollbacks;
      if (hiding === undefined) {
        // The publication came first: rolling back would have hidden it instead of what was seen.
        expect(owners(log.at(-1))).toEqual(["x"]);
        for (const { at, intent } of actors)
          if (intent.action === "rollback") expect(at.step).toBe("refused");
        continue;
      }
      expect(hiding.files).toEqual(first.files);
      for (const entry of log.slice(hiding.seq - 1)) {
        expect(owners(entry)).not.toContain("p");
        expect(publishedOf(entry, "job", "b")).toBeNull();
        expect(decisionOf(entry, "p")).toMatchObject({ outcome: "commit", rolledBack: hiding.seq });
      }
    }
  });

  it("finds a protocol that does not ask whether the run is decided", () => {
    const actors: readonly Actor[] = [
      { name: "publish x", intent: commitOf(x, { mode: "append" }), losses: 0 },
      { name: "abort x", intent: abortX, losses: 0 },
    ];
    const hasty = (intent: Intent, head: LogEntry | null): Deciding => ({
      step: "put",
      intent,
      entry: nextEntry(intent, head),
    });
    expect(() => explore([], actors, assertOneDecisionPerRun, hasty)).toThrow("entries that decide x");
    expect(() => explore([], actors, assertNothingOfAnAbortedRunIsLive, hasty)).toThrow();
  });
});
