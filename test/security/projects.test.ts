/** Another user's project is not used, and no other user can read the record of a run. */
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { checkPrivacy } from "../../src/cli/doctor/checks.js";
import { unprotectedLinks } from "../../src/cli/doctor/protection.js";
import { findProject, findProjectRoot, projectOfSpec, readSettings } from "../../src/config.js";
import { findJob } from "../../src/spec/find-job.js";
import { createSecrets } from "../../src/spec/secrets.js";
import { privateFileSystem } from "../../src/stores/local/local-file-system.js";
import { ownMounts } from "../support/mounts.js";
import { nightshift } from "../support/nightshift.js";
import { scratch } from "../support/scratch.js";

const nobodyUid = 65_534;
const isRoot = process.getuid?.() === 0;

afterEach(() => {
  delete process.env.NIGHTSHIFT_PROJECT;
});

test.runIf(isRoot)("a project of another user in a parent folder is not used", () => {
  const shared = scratch();
  const work = join(shared, "me/work");
  mkdirSync(work, { recursive: true });
  mkdirSync(join(shared, "jobs"));
  expect(findProjectRoot(work)).toBe(shared);
  chownSync(join(shared, "jobs"), nobodyUid, nobodyUid);
  expect(findProjectRoot(work)).toBeNull();
  expect(findProjectRoot(shared)).toBe(shared);
  process.env.NIGHTSHIFT_PROJECT = shared;
  expect(findProjectRoot(work)).toBe(shared);
  delete process.env.NIGHTSHIFT_PROJECT;
  // A folder of another user that the user chose to work in.
  chownSync(work, nobodyUid, nobodyUid);
  expect(findProjectRoot(work)).toBe(shared);
});

/** A project in a parent folder of `work`. */
function parentProject() {
  const root = scratch();
  const work = join(root, "work");
  for (const folder of [work, join(root, "jobs/team")]) mkdirSync(folder, { recursive: true });
  const spec = join(root, "jobs/team/own.yaml");
  writeFileSync(spec, "version: 1\nname: own\n");
  chmodSync(root, 0o755);
  return { work, root, jobs: join(root, "jobs"), team: join(root, "jobs/team"), spec };
}

test.each(["root", "jobs", "team", "spec"] as const)(
  "a project of a parent folder whose %s others can write is not used, unless it is named",
  (part) => {
    const project = parentProject();
    expect(findProject(project.work).root).toBe(project.root);
    chmodSync(project[part], (statSync(project[part]).mode & 0o777) | 0o002);
    expect(findProject(project.work)).toEqual({
      root: null,
      skipped: { path: project.root, why: "other users can write to it" },
    });
    const refused = nightshift(project.work, "validate", "own");
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.stderr).toContain(`NIGHTSHIFT_PROJECT=${project.root}`);
    // Entered, or named by the path of the spec: its nightshift.yaml is read as before.
    expect(findProject(project.root).root).toBe(project.root);
    expect(projectOfSpec(project.team)).toBe(project.root);
    process.env.NIGHTSHIFT_PROJECT = project.root;
    expect(findProject(project.work).root).toBe(project.root);
  },
);

test.runIf(isRoot).each([
  ["a folder with the sticky bit", 0o1777, 0, true],
  ["a folder that a group of this user alone can write", 0o775, 0, true],
  ["a folder that a group of others can write", 0o775, nobodyUid, false],
])("%s is judged as ssh does", (_, mode, group, isUsed) => {
  const project = parentProject();
  chownSync(project.root, 0, group);
  chmodSync(project.root, mode);
  expect(findProject(project.work).root).toBe(isUsed ? project.root : null);
});

test.runIf(isRoot).each(["team", "spec"] as const)("nor one whose %s is another user's", (part) => {
  const project = parentProject();
  chownSync(project[part], nobodyUid, nobodyUid);
  expect(findProject(project.work).root).toBeNull();
});

test("a project is not looked for beyond the border of a file system, but around a mounted jobs folder", async () => {
  const project = scratch();
  for (const folder of ["jobs/team", "data/deep"]) mkdirSync(join(project, folder), { recursive: true });
  const mount = (folder: string) => `mount -t tmpfs -o size=1m tmpfs ${join(project, folder)}`;
  const mounts = await ownMounts(
    `${mount("data")} && ${mount("jobs")} && mkdir -p ${project}/jobs/team ${project}/data/deep && ${mount("jobs/team")}`,
  );
  try {
    const config = new URL("../../dist/config.js", import.meta.url);
    const places = ["jobs", "jobs/team", "data/deep"].map((folder) => join(project, folder));
    const script = `import(${JSON.stringify(config)}).then(({ findProject }) =>
      console.log(JSON.stringify(${JSON.stringify(places)}.map((place) => findProject(place)))))`;
    const searched = JSON.parse(mounts.sh(`${process.execPath} -e '${script}'`));
    expect(searched).toEqual([
      { root: project, skipped: null },
      { root: project, skipped: null },
      { root: null, skipped: { path: project, why: "it lies on another file system" } },
    ]);
    const named = mounts.sh(`NIGHTSHIFT_PROJECT=${project} ${process.execPath} -e '${script}'`);
    expect(JSON.parse(named)).toEqual(places.map(() => ({ root: project, skipped: null })));
  } finally {
    await mounts.close();
  }
});

test("the project that is used is shown where it is not the current directory", async () => {
  const project = scratch();
  const work = join(project, "me/work");
  mkdirSync(work, { recursive: true });
  mkdirSync(join(project, "jobs"));
  const refused = nightshift(work, "run", "nightly", "-v");
  expect(refused.stderr.split("\n")[0]).toBe(`project ${project}`);
  expect(refused.stderr.split("\n")[1]).toContain(project);
  await expect(findJob("nightly", work)).rejects.toMatchObject({
    code: "spec.not-found",
    details: { project },
  });
  expect(nightshift(project, "ls", "jobs", "-v").stderr).not.toContain("project ");
});

test.runIf(isRoot)("the refusal names a project that is not used, and how to use it", async () => {
  const project = scratch();
  const work = join(project, "work");
  mkdirSync(work);
  mkdirSync(join(project, "jobs"));
  chownSync(join(project, "jobs"), nobodyUid, nobodyUid);
  await expect(findJob("nightly", work)).rejects.toMatchObject({
    code: "spec.not-found",
    hint: expect.stringContaining(`NIGHTSHIFT_PROJECT=${project}`),
  });
});

test("doctor warns of a state directory that others can read", async () => {
  const state = scratch();
  expect(await checkPrivacy(join(state, "not-there"))).toEqual([]);
  for (const [mode, result] of [
    [0o700, "ok"],
    [0o750, "warn"],
    [0o701, "warn"],
  ] as const) {
    chmodSync(state, mode);
    expect(await checkPrivacy(state)).toMatchObject([{ check: "state permissions", result }]);
  }
});

test("doctor and serve warn of connections to other machines without TLS", async () => {
  const links = async (ledger: string | null, queue: string | null = null, environment = {}) => {
    const settings = readSettings({
      ...{ cwd: "/", environment, machine: { cores: 1, memoryBytes: 1 } },
      ...(ledger === null ? {} : { ledger }),
      ...(queue === null ? {} : { queue }),
    });
    const found = await unprotectedLinks({ settings, secrets: createSecrets() });
    return found.map(({ role, reason }) => `${role} ${reason}`);
  };
  const verified = { PGSSLMODE: "verify-full" };
  expect(await links("postgres://u:secret@db.example/n")).toEqual(["ledger sslmode=prefer"]);
  expect(await links("postgres://u@db.example/n?sslmode=disable")).toEqual(["ledger sslmode=disable"]);
  expect(await links("postgres://u@db.example/n?sslmode=verify-full")).toEqual([]);
  expect(await links("postgres://u@db.example/n", null, verified)).toEqual([]);
  for (const local of ["127.0.0.1", "localhost", "[::1]", "%2Frun%2Fpostgresql"])
    expect(await links(`postgres://u@${local}/n`), local).toEqual([]);
  expect(await links(null, "redis://:secret@queue.example:6379")).toEqual(["queue redis://"]);
  expect(await links(null, "rediss://queue.example:6379")).toEqual([]);
  for (const local of ["127.0.0.1", "localhost", "[::1]"])
    expect(await links(null, `redis://${local}:6379`), local).toEqual([]);
  expect(await links(null, "postgres://u@db.example/n")).toEqual(["queue sslmode=prefer"]);
});

test.each(["--json", "--no-color"])("a worker warns of them before it connects: %s", (format) => {
  const { status, stdout, stderr } = nightshift(
    scratch(),
    "worker",
    ...[
      "--queue",
      "redis://:secret@queue.invalid:6379",
      "--ledger",
      "postgres://u:secret@db.invalid/n",
      format,
    ],
  );
  expect(status).not.toBe(0);
  const said = format === "--json" ? stdout : stderr;
  for (const role of ["ledger", "queue"])
    expect(said).toMatch(new RegExp(`connection.unprotected.*role("?[:=]"?)${role}`));
  expect(stdout + stderr).not.toContain("secret");
});

test("what a run remembers is for its user alone", async () => {
  const state = join(scratch(), "state");
  const files = privateFileSystem();
  await files.mkdir(join(state, "runs/r"));
  await files.writeFile(join(state, "runs/r/plan"), "x");
  const log = await files.create(join(state, "runs/r/log"));
  await log.close();
  const modes = [
    state,
    join(state, "runs/r"),
    ...readdirSync(join(state, "runs/r")).map((name) => join(state, "runs/r", name)),
  ];
  expect(modes.map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual([
    "700",
    "700",
    "600",
    "600",
  ]);
});
