import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keptForRollback } from "../../src/sinks/sink.js";
import {
  freshDirectory,
  idsIn,
  readOutput,
  runOf,
  sinkFor,
  stagePartition,
  stageRun,
  type Target,
} from "../support/file-target.js";

const fingerprint = "f".repeat(64);

async function publish(
  target: Target,
  mode: "error" | "replace" | "append",
  run = runOf("r1"),
  partitions = [{ ids: [1, 2] }, { ids: [3] }] as Parameters<typeof stageRun>[2],
) {
  const sink = sinkFor(target, mode);
  await sink.check(run);
  return sink.publish(run, fingerprint, await stageRun(target, run, partitions));
}

function targetIn(directory: string, given: Partial<Target> = {}): Target {
  return { to: join(directory, "out"), ...given };
}

describe("mode error", () => {
  it("publishes a plain directory whose names sort in input order", async () => {
    const target = targetIn(freshDirectory());
    expect(await publish(target, "error")).toEqual({ outcome: "commit", publication: 1 });
    expect(lstatSync(target.to).isDirectory()).toBe(true);
    expect(readOutput(target.to)).toEqual({ "part-00000-00.arrow": [1, 2], "part-00001-00.arrow": [3] });
    expect(existsSync(join(target.to, "_SUCCESS"))).toBe(true);
    const manifest = JSON.parse(readFileSync(join(target.to, "_manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ publication: 1, rows: 3, run: { id: "r1", job: "nightly" } });
    expect(manifest.files.map((file: { path: string }) => file.path)).toEqual(
      Object.keys(readOutput(target.to)),
    );
  });

  it("refuses a target that exists, and says how to replace it", async () => {
    const target = targetIn(freshDirectory());
    await publish(target, "error");
    await expect(publish(target, "error", runOf("r2"))).rejects.toMatchObject({
      code: "refused.target-exists",
      hint: expect.stringContaining("--overwrite"),
    });
    mkdirSync(join(target.to, "../other"));
    writeFileSync(join(target.to, "../other/notes.txt"), "mine");
    await expect(publish({ to: join(target.to, "../other") }, "error")).rejects.toMatchObject({
      code: "refused.target-exists",
      hint: expect.stringContaining("Choose another output"),
    });
  });

  it("takes an empty directory, and a target whose output was removed by hand", async () => {
    const target = targetIn(freshDirectory());
    mkdirSync(target.to);
    await publish(target, "error");
    const sink = sinkFor(target, "error");
    expect(await sink.published("job", "fingerprint-of-r1")).toMatchObject({ runId: "r1" });
    rmSync(target.to, { recursive: true });
    expect(await sink.published("job", "fingerprint-of-r1")).toBeNull();
    expect(await publish(target, "error", runOf("r2"), [{ ids: [9] }])).toEqual({
      outcome: "commit",
      publication: 2,
    });
    expect(readOutput(target.to)).toEqual({ "part-00000-00.arrow": [9] });
    await expect(sink.rollback()).rejects.toMatchObject({ code: "refused.nothing-to-roll-back" });
  });

  it("does not see the same hole where a publication died before it was shown", async () => {
    const target = targetIn(freshDirectory());
    await publish(target, "error");
    rmSync(target.to, { recursive: true });
    rmSync(join(target.to, "../.out.nightshift/shown/00000000000000000001"));
    await expect(publish(target, "error", runOf("r2"))).rejects.toMatchObject({
      code: "refused.target-exists",
    });
    expect(readOutput(target.to)).toEqual({ "part-00000-00.arrow": [1, 2], "part-00001-00.arrow": [3] });
  });

  it("is followed by a replacement that turns the directory into a symlink, and back by a rollback", async () => {
    const target = targetIn(freshDirectory());
    await publish(target, "error");
    await publish(target, "replace", runOf("r2"), [{ ids: [7] }]);
    expect(lstatSync(target.to).isSymbolicLink()).toBe(true);
    expect(readOutput(target.to)).toEqual({ "part-00000-00.arrow": [7] });
    expect(await sinkFor(target, "replace").rollback()).toEqual({
      publication: 3,
      visibleRunId: "r1",
      hiddenRunIds: ["r2"],
    });
    expect(readOutput(target.to)).toEqual({ "part-00000-00.arrow": [1, 2], "part-00001-00.arrow": [3] });
  });
});

describe("mode replace", () => {
  it("points a symlink at a version and keeps those that a rollback can show", async () => {
    const target = targetIn(freshDirectory());
    for (const id of ["r1", "r2", "r3", "r4", "r5"])
      await publish(target, "replace", runOf(id), [{ ids: [id.length] }]);
    expect(readlinkSync(target.to)).toBe(".out.nightshift/v/000005-r5");
    expect(readdirSync(join(target.to, "../.out.nightshift/v"))).toEqual([
      "000002-r2",
      "000003-r3",
      "000004-r4",
      "000005-r5",
    ]);
    expect(readdirSync(join(target.to, "../.out.nightshift/staging"))).toEqual(["r2", "r3", "r4", "r5"]);
    expect(readdirSync(join(target.to, "../.out.nightshift/scratch"))).toEqual([]);
  });

  it("empties log entries that nothing refers to, and forgets no decision", async () => {
    const target = targetIn(freshDirectory());
    for (const id of ["r1", "r2", "r3", "r4", "r5", "r6"]) {
      await publish(target, "replace", runOf(id), [{ ids: [1], quarantined: [2] }]);
    }
    const log = join(target.to, "../.out.nightshift/log");
    const entries = readdirSync(log).map((name) => JSON.parse(readFileSync(join(log, name), "utf8")));
    expect(entries.map((entry) => [entry.seq, entry.compacted ?? false, entry.files.length])).toEqual([
      [1, true, 0],
      [2, true, 0],
      [3, false, 1],
      [4, false, 1],
      [5, false, 1],
      [6, false, 1],
    ]);
    const sink = sinkFor(target, "replace");
    expect(await sink.lookup("r1")).toEqual({ outcome: "commit", publication: 1 });
    expect((await sink.quarantineFiles("r1")).map((path) => existsSync(path))).toEqual([true]);
  });

  it("publishes a run once, however often it is asked", async () => {
    const target = targetIn(freshDirectory());
    const run = runOf("r1");
    const receipts = await stageRun(target, run, [{ ids: [1] }]);
    const sink = sinkFor(target, "replace");
    await sink.publish(run, fingerprint, receipts);
    const { ino } = statSync(target.to);
    await sink.publish(run, fingerprint, receipts);
    expect(statSync(target.to).ino).toBe(ino);
    expect(readdirSync(join(target.to, "../.out.nightshift/log")).length).toBe(1);
    expect(await sink.lookup("r1")).toEqual({ outcome: "commit", publication: 1 });
    expect(await sink.lookup("r2")).toBeNull();
  });

  it("counts what is visible as published, and nothing else", async () => {
    const target = targetIn(freshDirectory());
    await publish(target, "replace", runOf("r1"));
    await publish(target, "replace", runOf("r2", { generation: 4 }));
    const sink = sinkFor(target, "replace");
    expect(await sink.published("job", "fingerprint-of-r1")).toBeNull();
    expect(await sink.published("job", "fingerprint-of-r2")).toMatchObject({
      publication: 2,
      generation: 4,
      fingerprint,
    });
    await sink.rollback();
    expect(await sink.published("job", "fingerprint-of-r1")).toMatchObject({ publication: 1 });
    expect(await sink.published("job", "fingerprint-of-r2")).toBeNull();
    expect(await sink.lookup("r2")).toEqual({ outcome: "commit", publication: 2, rolledBack: true });
  });

  it("lets an interval's run replace its own partitions only", async () => {
    const target = targetIn(freshDirectory(), { partitionBy: ["dt"] });
    await publish(target, "replace", runOf("a", { day: "2026-01-14" }), [
      { ids: [1, 2], dt: ["2026-01-14"] },
    ]);
    await publish(target, "replace", runOf("b", { day: "2026-01-15" }), [{ ids: [3], dt: ["2026-01-15"] }]);
    await publish(target, "replace", runOf("c", { day: "2026-01-15", generation: 2 }), [
      { ids: [4], dt: ["2026-01-15"] },
    ]);
    expect(readOutput(target.to)).toEqual({
      "dt=2026-01-14/part-00000-00.arrow": [1, 2],
      "dt=2026-01-15/part-00000-00.arrow": [4],
    });
    const sink = sinkFor(target, "replace");
    expect(await sink.published("job", "2026-01-14T00:00:00.000Z")).toMatchObject({ runId: "a" });
    expect((await sink.files()).map((file) => idsIn(file.path))).toEqual([[1, 2], [4]]);
  });
});

describe("mode append", () => {
  it("adds intervals in order, and replaces one that is processed again", async () => {
    const target = targetIn(freshDirectory());
    await publish(target, "append", runOf("b", { day: "2026-01-15" }), [{ ids: [3] }]);
    await publish(target, "append", runOf("a", { day: "2026-01-14" }), [{ ids: [1] }, { ids: [2] }]);
    expect(Object.values(readOutput(target.to))).toEqual([[1], [2], [3]]);
    await publish(target, "append", runOf("b2", { day: "2026-01-15", generation: 2 }), [{ ids: [33] }]);
    expect(Object.values(readOutput(target.to))).toEqual([[1], [2], [33]]);
    const late = publish(target, "append", runOf("b0", { day: "2026-01-15", generation: 1 }), [{ ids: [0] }]);
    await expect(late).rejects.toMatchObject({ code: "refused.newer-generation" });
  });
});

describe("one file", () => {
  const shape = "file" as const;

  it("is joined from its parts, replaced whole, and rolled back", async () => {
    const target: Target = { to: join(freshDirectory(), "out.arrow"), shape };
    await publish(target, "error");
    expect(idsIn(target.to)).toEqual([1, 2, 3]);
    await expect(publish(target, "error", runOf("r2"))).rejects.toMatchObject({
      code: "refused.target-exists",
    });
    await publish(target, "replace", runOf("r2"), [{ ids: [5] }]);
    expect(idsIn(target.to)).toEqual([5]);
    expect((await sinkFor(target, "replace").files()).map((file) => [file.path, file.rows])).toEqual([
      [target.to, 1],
    ]);
    await sinkFor(target, "replace").rollback();
    expect(idsIn(target.to)).toEqual([1, 2, 3]);
  });

  it("replaces a file of another program only when asked to", async () => {
    const target: Target = { to: join(freshDirectory(), "out.arrow"), shape };
    writeFileSync(target.to, "mine");
    await expect(publish(target, "error")).rejects.toMatchObject({ code: "refused.target-exists" });
    expect(readFileSync(target.to, "utf8")).toBe("mine");
    await publish(target, "replace");
    expect(idsIn(target.to)).toEqual([1, 2, 3]);
  });

  it("has its columns even where no row was left", async () => {
    const target: Target = { to: join(freshDirectory(), "out.arrow"), shape };
    await publish(target, "error", runOf("r1"), [
      { ids: [], quarantined: [0] },
      { ids: [], quarantined: [1, 2] },
    ]);
    expect(idsIn(target.to)).toEqual([]);
    expect(readdirSync(`${target.to}.quarantine/r1`)).toEqual(["part-00000-00.arrow", "part-00001-00.arrow"]);
    await expect(publish({ ...target, to: `${target.to}2` }, "error", runOf("r2"), [])).rejects.toMatchObject(
      {
        code: "refused.empty-output",
      },
    );
  });

  it("cannot be appended to or partitioned", () => {
    const to = join(freshDirectory(), "out.arrow");
    expect(() => sinkFor({ to, shape }, "append")).toThrow("cannot write one file");
    expect(() => sinkFor({ to, shape, partitionBy: ["dt"] }, "replace")).toThrow("cannot write one file");
  });
});

describe("what another program made", () => {
  it("is refused: a directory, a symlink, a file where a directory should be", async () => {
    const directory = freshDirectory();
    mkdirSync(join(directory, "theirs"));
    writeFileSync(join(directory, "theirs/x.csv"), "1");
    symlinkSync("theirs", join(directory, "link"));
    writeFileSync(join(directory, "file"), "1");
    for (const name of ["theirs", "link", "file"]) {
      const refusal = publish({ to: join(directory, name) }, "replace");
      await expect(refusal).rejects.toMatchObject({ code: "refused.foreign-output" });
    }
    expect(readFileSync(join(directory, "theirs/x.csv"), "utf8")).toBe("1");
  });

  it("is refused where it was added to a directory of ours", async () => {
    const target = targetIn(freshDirectory());
    await publish(target, "error");
    writeFileSync(join(target.to, "notes.txt"), "mine");
    await expect(publish(target, "replace", runOf("r2"))).rejects.toMatchObject({
      message: expect.stringContaining("notes.txt"),
    });
    expect(readFileSync(join(target.to, "notes.txt"), "utf8")).toBe("mine");
  });
});

describe("abort", () => {
  it("wins where it comes first, and leaves nothing of the run", async () => {
    const target = targetIn(freshDirectory());
    const run = runOf("r1");
    const receipts = await stageRun(target, run, [{ ids: [1], quarantined: [0] }]);
    const sink = sinkFor(target, "replace");
    expect(await sink.abort(run)).toEqual({ outcome: "abort", publication: 1 });
    expect(await sink.publish(run, fingerprint, receipts)).toEqual({ outcome: "abort", publication: 1 });
    expect(await sink.abort(run)).toEqual({ outcome: "abort", publication: 1 });
    expect(existsSync(target.to)).toBe(false);
    expect(existsSync(`${target.to}.quarantine`)).toBe(false);
    expect(readdirSync(join(target.to, "../.out.nightshift/staging"))).toEqual([]);
    expect(await sink.quarantineFiles("r1")).toEqual([]);
    expect(await sink.files()).toEqual([]);
  });

  it("adopts a publication that came first, and completes it", async () => {
    const target = targetIn(freshDirectory());
    await publish(target, "replace");
    rmSync(target.to);
    expect(await sinkFor(target, "replace").abort(runOf("r1"))).toEqual({
      outcome: "commit",
      publication: 1,
    });
    expect(Object.values(readOutput(target.to))).toEqual([[1, 2], [3]]);
  });
});

describe("rollback", () => {
  it("is refused with the reason where there is nothing before", async () => {
    const target = targetIn(freshDirectory());
    const sink = sinkFor(target, "replace");
    await expect(sink.rollback()).rejects.toThrow("nothing is published there");
    await publish(target, "replace");
    await expect(sink.rollback()).rejects.toThrow("publication 1 is the first one");
    for (let at = 2; at <= keptForRollback + 2; at++) await publish(target, "replace", runOf(`r${at}`));
    await sink.rollback(keptForRollback);
    await expect(sink.rollback()).rejects.toThrow("publication 1, the one before, is no longer stored");
  });

  it("keeps the hidden version for its readers", async () => {
    const target = targetIn(freshDirectory());
    await publish(target, "replace", runOf("r1"));
    await publish(target, "replace", runOf("r2"), [{ ids: [8] }]);
    const reading = (await sinkFor(target, "replace").files()).map((file) => file.path);
    await sinkFor(target, "replace").rollback();
    expect(reading.map(idsIn)).toEqual([[8]]);
    await publish(target, "replace", runOf("r3"), [{ ids: [9] }]);
    expect(readOutput(target.to)).toEqual({ "part-00000-00.arrow": [9] });
  });
});

it("publishes quarantine beside the output, named by the same entry", async () => {
  const target = targetIn(freshDirectory());
  await publish(target, "replace", runOf("r1"), [{ ids: [1], quarantined: [4] }, { ids: [2] }]);
  const files = await sinkFor(target, "replace").quarantineFiles("r1");
  expect(files).toEqual([`${target.to}.quarantine/r1/part-00000-00.arrow`]);
  expect(files.every(existsSync)).toBe(true);
});

it("commits nothing whose staged files are gone or changed", async () => {
  const target = targetIn(freshDirectory());
  const run = runOf("r1");
  const receipts = await stageRun(target, run, [{ ids: [1] }]);
  writeFileSync(join(target.to, "../.out.nightshift/staging", receipts[0]?.files[0]?.path ?? ""), "short");
  const sink = sinkFor(target, "replace");
  await expect(sink.publish(run, fingerprint, receipts)).rejects.toMatchObject({
    code: "infra.staged-missing",
  });
  expect(await sink.lookup("r1")).toBeNull();
});

it("commits no receipt whose files hold other rows than it counts", async () => {
  const target = targetIn(freshDirectory());
  const run = runOf("r1");
  const sink = sinkFor(target, "replace");
  const receipts = await stageRun(target, run, [{ ids: [1, 2], quarantined: [7] }]);
  for (const wrong of [{ quarantined: 0 }, { predicted: 3 }]) {
    const told = receipts.map((receipt) => ({ ...receipt, rows: { ...receipt.rows, ...wrong } }));
    await expect(sink.publish(run, fingerprint, told)).rejects.toMatchObject({ code: "data.rows-lost" });
  }
  expect(await sink.lookup("r1")).toBeNull();
});

describe("collect", () => {
  it("removes superseded attempts, aborted runs and old versions, and nothing that may still count", async () => {
    const target = targetIn(freshDirectory());
    const staging = join(target.to, "../.out.nightshift/staging");
    await publish(target, "replace", runOf("r1"));
    const run = runOf("r2");
    await stagePartition(target, run, 0, { ids: [1] }, "overtaken");
    await stagePartition(target, run, 0, { ids: [1] }, "accepted");
    await stagePartition(target, runOf("another-ledgers"), 0, { ids: [1] }, "unknown");
    await stagePartition(target, runOf("aborted"), 0, { ids: [1] }, "any");
    const sink = sinkFor(target, "replace");
    await sink.abort(runOf("aborted"));
    await stagePartition(target, runOf("aborted"), 0, { ids: [1] }, "late");

    const live = async () => new Set(["accepted"]);
    const found = await sink.collect(live, true);
    expect(found.removed.map((path) => path.slice(staging.length + 1)).sort()).toEqual([
      "aborted",
      "r2/overtaken",
    ]);
    expect(found.bytes).toBeGreaterThan(0);
    expect(existsSync(join(staging, "r2/overtaken"))).toBe(true);

    expect(await sink.collect(live, false)).toEqual(found);
    expect(readdirSync(staging)).toEqual(["another-ledgers", "r1", "r2"]);
    expect(readdirSync(join(staging, "r2"))).toEqual(["accepted"]);
    expect((await sink.collect(live, false)).removed).toEqual([]);
    expect(Object.values(readOutput(target.to))).toEqual([[1, 2], [3]]);
  });
});
