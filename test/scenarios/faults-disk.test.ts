/** Full, read-only and foreign disks: real ones, mounted in a namespace of our own. */
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  type FlightProject,
  flightModel,
  flightProject,
  keysBelow,
  keysIn,
} from "../support/flight-project.js";
import { errorIn } from "../support/hints.js";
import { type Mounts, ownMounts } from "../support/mounts.js";
import { type Finished, jsonLinesOf } from "../support/nightshift.js";

let project: FlightProject;
let disk: string;
let mounts: Mounts | null = null;

afterEach(async () => {
  await mounts?.close();
  mounts = null;
  project.remove();
});

/** Mounts a disk of its own at `place` in the project. */
async function mountDisk(options: string, place = "disk"): Promise<Mounts> {
  disk = join(project.cwd, place);
  mkdirSync(disk);
  mounts = await ownMounts(`mount -t tmpfs -o ${options} tmpfs '${disk}'`);
  return mounts;
}

/** Runs the command line where the disk is mounted. */
function run(...argv: readonly string[]): Promise<Finished> {
  return project.start(argv, { through: mounts?.through ?? [] }).finished;
}

async function keysOnDisk(path: string): Promise<readonly number[]> {
  return keysIn(mounts?.outside(path) ?? path);
}

test("a disk that fills up while parts are staged: nothing is published, and what was staged is kept", async () => {
  project = flightProject({ files: 4, rowsAFile: 30_000, write: "{ to: ../disk/out, mode: replace }" });
  const { sh, outside } = await mountDisk("size=1m");
  const full = await run("run", "flights");
  expect(full).toMatchObject({ status: 1, stdout: "" });
  expect(full.stderr).toMatch(
    /error: cannot (write|create) .*\/disk\/\.out\.nightshift\/staging\/.*: the disk is full\n/,
  );
  expect(full.stderr).toContain(
    "hint: Free some space there, then run the same command again, without --restart: it continues where this one stopped.\n",
  );
  expect(full.stderr).toMatch(/next .* errors .*\n +.* retry /);
  expect(existsSync(outside(join(disk, "out")))).toBe(false);

  sh(`mount -o remount,size=16m '${disk}'`);
  const retried = await run("retry", "--json");
  expect(retried.status).toBe(0);
  const outcome = jsonLinesOf(retried).at(-1);
  expect(outcome).toMatchObject({
    status: "published",
    rows: { read: project.rows, predicted: project.rows },
  });
  expect(outcome?.rowsScored).toBeLessThan(project.rows);
  expect(await keysOnDisk(join(disk, "out"))).toEqual(keysBelow(project.rows));
});

test("a disk that has room for the parts and none for the one file they are joined into", async () => {
  project = flightProject({ files: 2, rowsAFile: 30_000 });
  const { sh, outside } = await mountDisk("size=1m");
  const score = [
    "score",
    flightModel,
    "input/*.parquet",
    "-o",
    "disk/one.parquet",
    "--key",
    "flight_id",
    "--keep",
    "none",
  ];
  const full = await run(...score);
  expect(full).toMatchObject({ status: 1, stdout: "" });
  expect(full.stderr).toContain("publishing 60,000 rows");
  expect(full.stderr).toMatch(
    /error: cannot \w+ .*\/disk\/\.one\.parquet\.nightshift\/.*: the disk is full\n/,
  );
  expect(existsSync(outside(join(disk, "one.parquet")))).toBe(false);

  sh(`mount -o remount,size=16m '${disk}'`);
  const again = await run(...score, "--json");
  expect(again.status).toBe(0);
  expect(jsonLinesOf(again).at(-1)).toMatchObject({ status: "published", rowsScored: 0 });
  expect(await keysOnDisk(join(disk, "one.parquet"))).toEqual(keysBelow(project.rows));
});

test("a disk that fills up under the journal: the run stops, and continues from its last whole record", async () => {
  project = flightProject({ files: 40, rowsAFile: 10 });
  const { sh } = await mountDisk("size=64k");
  const state = ["--state", "disk/state"];
  const full = await run("run", "flights", ...state);
  expect(full).toMatchObject({ status: 1, stdout: "" });
  expect(full.stderr).toMatch(/error: .*\/disk\/state\/runs\/.*: the disk is full\n/);
  expect(full.stderr).toContain("hint: Free some space there");
  expect(existsSync(project.out)).toBe(false);

  sh(`mount -o remount,size=16m '${disk}'`);
  const before = JSON.parse((await run("ls", "partitions", "--json", ...state)).stdout);
  const accepted = before.filter((partition: { readonly status: string }) => partition.status === "accepted");
  expect(accepted.length).toBeGreaterThan(0);
  const retried = await run("retry", "--json", ...state);
  expect(retried.status).toBe(0);
  expect(jsonLinesOf(retried).at(-1)).toMatchObject({
    status: "published",
    rowsScored: project.rows - 10 * accepted.length,
  });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});

test("a read-only output is refused before anything is scored; made writable, the same command works", async () => {
  project = flightProject({ write: "{ to: ../disk/out, mode: replace }" });
  const { sh, outside } = await mountDisk("size=16m");
  sh(`mount -o remount,ro '${disk}'`);
  const refused = await run("run", "flights");
  expect(refused).toMatchObject({ status: 1, stdout: "" });
  expect(refused.stderr).toMatch(
    /error: cannot create .*\/disk\/\.out\.nightshift.*: the file system is read-only\n/,
  );
  expect(refused.stderr).toContain("hint: Remount it for writing or choose another path.");
  expect(readdirSync(outside(disk))).toEqual([]);
  expect((await run("ls", "runs", "--json")).stdout).toBe("[]\n");

  sh(`mount -o remount,rw '${disk}'`);
  expect(await run("run", "flights")).toMatchObject({ status: 0 });
  expect(await keysOnDisk(join(disk, "out"))).toEqual(keysBelow(project.rows));
});

test("an output that is a mount point, or whose staging would be on another device, is refused", async () => {
  project = flightProject({ write: "{ to: ../disk, mode: replace }" });
  await mountDisk("size=16m");
  const onMountPoint = await run("run", "flights");
  expect(onMountPoint).toMatchObject({ status: 2, stdout: "" });
  expect(onMountPoint.stderr).toContain(`${disk} is a mount point and cannot be swapped as a whole`);
  expect(onMountPoint.stderr).toContain(`hint: Choose an output below it, for instance ${disk}/predictions.`);

  const input = ["input/*.parquet", "--key", "flight_id"];
  mkdirSync(join(project.cwd, ".far.nightshift"));
  mounts?.sh(`mount -t tmpfs tmpfs '${project.cwd}/.far.nightshift'`);
  const otherDevice = await run("score", flightModel, ...input, "-o", "far/");
  expect(otherDevice).toMatchObject({ status: 2, stdout: "" });
  expect(otherDevice.stderr).toContain(
    `${project.cwd}/.far.nightshift is on another device than ${project.cwd}`,
  );
  expect(existsSync(join(project.cwd, "far"))).toBe(false);

  expect(await run("score", flightModel, ...input, "-o", "disk/predictions/")).toMatchObject({ status: 0 });
  expect(await keysOnDisk(join(disk, "predictions"))).toEqual(keysBelow(project.rows));
});

test("a state directory without room for the run: the same command, once there is room, does all of it", async () => {
  project = flightProject({ files: 2 });
  const { sh } = await mountDisk("size=4k", ".nightshift");
  const full = await run("run", "flights", "--json");
  const { code, hint } = errorIn(full);
  expect(code).toBe("infra.disk-full");
  expect(hint).toContain("run the same command again");
  expect(existsSync(project.out)).toBe(false);

  sh(`mount -o remount,size=16m '${disk}'`);
  const again = await run("run", "flights", "--json");
  expect({ status: again.status, last: jsonLinesOf(again).at(-1) }).toMatchObject({
    status: 0,
    last: { status: "published", rows: { read: project.rows, predicted: project.rows } },
  });
  expect(await keysIn(project.out)).toEqual(keysBelow(project.rows));
});
