import { describe, expect, it } from "vitest";
import { NightshiftError } from "../../src/errors.js";
import { type Intent, nextEntry } from "../../src/sinks/publication-log/next-entry.js";
import { parseEntry } from "../../src/sinks/publication-log/parse-entry.js";
import {
  compacted,
  decisionOf,
  hiddenBy,
  type LogEntry,
  publishedOf,
} from "../../src/sinks/publication-log/publication-log.js";
import { commitOf, loggedFile, logRun } from "../support/log-intents.js";

const interval = (ds: string) => ({ start: `${ds}T00:00:00.000Z`, end: `${ds}T23:59:59.000Z`, ds });
const dayRun = (id: string, ds: string, generation = 1) =>
  logRun(id, { scope: ds, generation, interval: interval(ds) });
const inPartition = (runId: string, ds: string, name = "part-0") =>
  loggedFile(runId, { path: `dt=${ds}/${name}`, partitionValues: [ds] });

function head(...intents: readonly Intent[]): LogEntry {
  let at: LogEntry | null = null;
  for (const intent of intents) at = nextEntry(intent, at);
  if (at === null) throw new Error("at least one intent");
  return at;
}

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof NightshiftError) return error.code;
    throw error;
  }
  return "nothing thrown";
}

describe("mode replace", () => {
  it("takes the place of everything without partition_by, also of other intervals", () => {
    const now = head(commitOf(dayRun("a", "2026-01-14")), commitOf(dayRun("b", "2026-01-15")));
    expect(now.files.map((file) => file.runId)).toEqual(["b"]);
    expect(publishedOf(now, "job", "2026-01-14")).toBeNull();
    expect(publishedOf(now, "job", "2026-01-15")).toMatchObject({ id: "b", publication: 2 });
  });

  it("takes the place of the partitions an interval's run writes, and of everything that its interval wrote before", () => {
    const details = { partitionBy: ["dt"] };
    const now = head(
      commitOf(dayRun("a", "2026-01-14"), { ...details, files: [inPartition("a", "2026-01-14")] }),
      commitOf(dayRun("b", "2026-01-15"), {
        ...details,
        files: [inPartition("b", "2026-01-15"), inPartition("b", "late")],
      }),
      commitOf(dayRun("b2", "2026-01-15", 2), { ...details, files: [inPartition("b2", "2026-01-15")] }),
    );
    expect(now.files.map((file) => [file.path, file.runId])).toEqual([
      ["dt=2026-01-14/part-0", "a"],
      ["dt=2026-01-15/part-0", "b2"],
    ]);
    expect(now.runs.map((run) => run.id)).toEqual(["a", "b2"]);
  });

  it("takes the place of everything for a run without an interval, partitioned or not", () => {
    const details = { partitionBy: ["dt"] };
    const now = head(
      commitOf(logRun("a"), { ...details, files: [inPartition("a", "x")] }),
      commitOf(logRun("b"), { ...details, files: [inPartition("b", "y")] }),
    );
    expect(now.files.map((file) => file.path)).toEqual(["dt=y/part-0"]);
  });

  it("refuses to mix layouts, where files of the other one would stay", () => {
    const before = head(
      commitOf(dayRun("a", "2026-01-14"), { partitionBy: ["dt"], files: [inPartition("a", "2026-01-14")] }),
    );
    const other = commitOf(dayRun("b", "2026-01-15"), {
      partitionBy: ["day"],
      files: [inPartition("b", "2026-01-15")],
    });
    expect(codeOf(() => nextEntry(other, before))).toBe("refused.layout-changed");
    const appended = commitOf(dayRun("b", "2026-01-15"), { mode: "append" });
    expect(codeOf(() => nextEntry(appended, before))).toBe("refused.layout-changed");
  });
});

describe("mode append", () => {
  it("is unique by job and interval: reprocessing replaces that interval's files", () => {
    const append = { mode: "append" as const };
    const now = head(
      commitOf(dayRun("a", "2026-01-14"), append),
      commitOf(dayRun("b", "2026-01-15"), append),
      commitOf(dayRun("a2", "2026-01-14", 2), append),
    );
    expect(now.files.map((file) => file.runId)).toEqual(["a2", "b"]);
  });

  it("keeps another job's files of the same interval", () => {
    const other = { ...dayRun("o", "2026-01-14"), jobId: "other job" };
    const now = head(
      commitOf(dayRun("a", "2026-01-14"), { mode: "append" }),
      commitOf(other, { mode: "append" }),
    );
    expect(now.runs.map((run) => run.id)).toEqual(["a", "o"]);
  });

  it("counts a run that published no row until its interval is published again", () => {
    const empty = { mode: "append" as const, files: [] };
    const before = head(
      commitOf(dayRun("a", "2026-01-14"), empty),
      commitOf(dayRun("b", "2026-01-15"), empty),
    );
    expect(publishedOf(before, "job", "2026-01-14")?.id).toBe("a");
    const now = nextEntry(commitOf(dayRun("a2", "2026-01-14", 2), empty), before);
    expect(publishedOf(now, "job", "2026-01-14")?.id).toBe("a2");
  });
});

describe("generations", () => {
  it.each(["replace", "append"] as const)("an older one never supersedes a newer one: mode %s", (mode) => {
    const newer = head(commitOf(dayRun("g2", "2026-01-14", 2), { mode }));
    const older = commitOf(dayRun("g1", "2026-01-14", 1), { mode });
    expect(codeOf(() => nextEntry(older, newer))).toBe("refused.newer-generation");
  });

  it("an older run of a job without intervals never replaces what a newer one published", () => {
    const at = (
      id: string,
      createdAt: string,
      given: { readonly lookedAt?: number; readonly mode?: "append" } = {},
    ) => commitOf(logRun(id, { createdAt }), { lookedAt: 0, ...given });
    const newer = head(at("b", "2026-01-02T00:00:00.000Z"));
    const older = "2026-01-01T00:00:00.000Z";
    expect(codeOf(() => nextEntry(at("a", older), newer))).toBe("refused.newer-publication");
    expect(nextEntry(at("c", "2026-01-03T00:00:00.000Z"), newer).publication).toBe(2);
    // Resumed by retry, which looks at nothing.
    expect(codeOf(() => nextEntry(commitOf(logRun("a", { createdAt: older })), newer))).toBe(
      "refused.newer-publication",
    );
    // Published before it was begun, whatever the clocks said; another job; beside it; of version 0.1.
    expect(nextEntry(at("a", older, { lookedAt: 1 }), newer).publication).toBe(2);
    const other = commitOf(logRun("a", { jobId: "other", createdAt: older }), { lookedAt: 0 });
    expect(nextEntry(other, newer).publication).toBe(2);
    expect(nextEntry(at("a", older, { mode: "append" }), newer).publication).toBe(2);
    expect(nextEntry(at("a", older), head(commitOf(logRun("old")))).publication).toBe(2);
  });

  it("one that was rolled back blocks no later one", () => {
    const base = head(commitOf(logRun("base")));
    const newer = nextEntry(commitOf(dayRun("g2", "s", 2)), base);
    const hidden = nextEntry({ action: "rollback", at: "t", hide: [2], show: base }, newer);
    expect(nextEntry(commitOf(dayRun("g1", "s", 1)), hidden).files.map((file) => file.runId)).toEqual(["g1"]);
  });
});

describe("mode error", () => {
  it("refuses to replace a publication, but not one that a user removed", () => {
    const before = head(commitOf(logRun("a"), { mode: "error" }));
    expect(codeOf(() => nextEntry(commitOf(logRun("b"), { mode: "error" }), before))).toBe(
      "refused.target-exists",
    );
    const now = nextEntry(commitOf(logRun("b"), { mode: "error", removed: 1 }), before);
    expect(now).toMatchObject({ seq: 2, beneath: null, publication: 2 });
    expect(now.runs.map((run) => run.id)).toEqual(["b"]);
  });

  it("can publish after an abort", () => {
    const aborted = head({ action: "abort", at: "t", run: logRun("a") });
    expect(nextEntry(commitOf(logRun("b"), { mode: "error" }), aborted).publication).toBe(2);
  });
});

describe("rollback", () => {
  const one = head(commitOf(logRun("a")));
  const two = nextEntry(commitOf(logRun("b")), one);

  it("shows the publication beneath, hides the run and leaves its decision", () => {
    const now = nextEntry({ action: "rollback", at: "t", hide: [2], show: one }, two);
    expect(now).toMatchObject({ seq: 3, publication: 1, beneath: null, shownSince: 3, run: { id: "b" } });
    expect(now.files).toEqual(one.files);
    expect(publishedOf(now, "job", "b")).toBeNull();
    expect(decisionOf(now, "b")).toEqual({ outcome: "commit", publication: 2, rolledBack: 3 });
  });

  it("hides every publication above the one that is shown", () => {
    const three = nextEntry(commitOf(logRun("c")), two);
    const now = nextEntry({ action: "rollback", at: "t", hide: [3, 2], show: one }, three);
    expect(now).toMatchObject({ seq: 4, publication: 1, beneath: null, run: { id: "c" } });
    expect(decisionOf(now, "b")).toEqual({ outcome: "commit", publication: 2, rolledBack: 4 });
    expect(decisionOf(now, "a")).toEqual({ outcome: "commit", publication: 1 });
    expect(hiddenBy(now)).toEqual(["c", "b"]);
  });

  it("is refused where another publication came in between", () => {
    const three = nextEntry(commitOf(logRun("c")), two);
    const act = () => nextEntry({ action: "rollback", at: "t", hide: [2], show: one }, three);
    expect(codeOf(act)).toBe("refused.publication-moved");
  });

  it("is not disturbed by an abort", () => {
    const three = nextEntry({ action: "abort", at: "t", run: logRun("c") }, two);
    expect(nextEntry({ action: "rollback", at: "t", hide: [2], show: one }, three).publication).toBe(1);
  });
});

it("two live files never share a path", () => {
  const twice = commitOf(logRun("a"), { files: [loggedFile("a"), loggedFile("a")] });
  expect(() => nextEntry(twice, null)).toThrow("two live files under one path");
});

describe("an entry read back", () => {
  const entry = head(commitOf(dayRun("a", "2026-01-14")), { action: "abort", at: "t", run: logRun("b") });
  const text = (change: object = {}) => JSON.stringify({ ...entry, ...change });

  it("is what was put", () => {
    expect(parseEntry(text(), 2)).toEqual(entry);
    expect(parseEntry(JSON.stringify(compacted(entry)), 2)).toEqual(compacted(entry));
  });

  it.each<[string, string]>([
    ["half an entry", text().slice(0, 90)],
    ["no object", "[]"],
    ["another number", text({ seq: 3 })],
    ["no version", text({ version: undefined })],
    ["an unknown action", text({ action: "publish" })],
    ["a negative count", text({ publication: -1 })],
    ["files that are none", text({ files: [{}] })],
    ["a file outside the output", text({ files: [loggedFile("a", { path: "../../etc/passwd" })] })],
    ["a staged file elsewhere", text({ files: [loggedFile("a", { staged: "/etc/passwd" })] })],
    ["a run that climbs", text({ run: logRun("..") })],
    ["an abort with a commit's details", text({ commit: commitOf(logRun("a")).details })],
  ])("is refused as corrupt: %s", (_, broken) => {
    expect(codeOf(() => parseEntry(broken, 2))).toBe("infra.log-corrupt");
  });

  it("is refused with the way out where a newer version wrote it", () => {
    expect(codeOf(() => parseEntry(text({ version: 2 }), 2))).toBe("refused.newer-log");
  });
});
