/** Nothing is written outside of NIGHTSHIFT_OUTPUT_ROOT: not by a spec, a plan, a worker, or through a symlink. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSettings } from "../../src/config.js";
import type { WriteSpec } from "../../src/job/output.js";
import { createRegistry } from "../../src/registry.js";
import { fileSink } from "../../src/sinks/files/file-sink.js";
import { stagingFileSink } from "../../src/sinks/files/staging-file-sink.js";
import { outputFileSystem } from "../../src/wiring/output-files.js";
import { newUuid, systemClock } from "../../src/wiring/system-clock.js";
import { nightshift, nightshiftWith } from "../support/nightshift.js";
import { scratch } from "../support/scratch.js";
import { jobText, makeSpecProject } from "../support/spec-project.js";

const refused = expect.objectContaining({ code: "refused.outside-output-root" });

interface Place {
  readonly root: string;
  readonly outside: string;
}

function place(): Place {
  const folder = scratch();
  const [root, outside] = [join(folder, "root"), join(folder, "outside")];
  mkdirSync(root);
  mkdirSync(outside);
  return { root, outside };
}

/** Everything that writes an output, on the file layer that coordinators and workers have. */
async function writers(to: string, root: string): Promise<readonly (() => Promise<unknown>)[]> {
  const fileSystem = await outputFileSystem(root);
  const join = async () => {
    throw new Error("nothing is joined");
  };
  const sink = fileSink({
    ...{ to, shape: "directory", mode: "replace", partitionBy: [], fileSystem, clock: systemClock },
    ...{ newId: newUuid, join },
  });
  const run = {
    id: "r-1",
    key: { jobId: "j", scope: "s", generation: 1 },
    jobName: "j",
    interval: null,
  } as never;
  const staging = stagingFileSink({ to, partitionBy: [], format: {} as never, fileSystem });
  const task = { run, ref: { partition: 0 }, plan: { profile: { writer: {} } } } as never;
  return [
    () => sink.check(run),
    () => sink.publish(run, "f", [], undefined),
    () => sink.abort(run),
    () => staging.openWriter(task, "a-1", { fields: [] } as never),
  ];
}

test.each<readonly [string, (place: Place) => string]>([
  ["a path outside", ({ outside }) => join(outside, "out")],
  ["the root itself", ({ root }) => root],
  ["a path with dots", ({ root }) => join(root, "../outside/out")],
  [
    "a symlinked folder",
    ({ root, outside }) => {
      symlinkSync(outside, join(root, "link"));
      return join(root, "link/out");
    },
  ],
  [
    "a dangling symlink in the way",
    ({ root, outside }) => {
      symlinkSync(join(outside, "new"), join(root, "link"));
      return join(root, "link/out");
    },
  ],
  [
    "a symlinked area",
    ({ root, outside }) => {
      symlinkSync(outside, join(root, ".out.nightshift"));
      return join(root, "out");
    },
  ],
  [
    "a symlinked part of the area",
    ({ root, outside }) => {
      mkdirSync(join(root, ".out.nightshift"));
      for (const part of ["log", "staging", "v", "shown", "scratch"])
        symlinkSync(outside, join(root, ".out.nightshift", part));
      return join(root, "out");
    },
  ],
])("no sink writes to %s", async (_, prepare) => {
  const made = place();
  const to = prepare(made);
  const before = readdirSync(join(made.root, ".."));
  for (const write of await writers(to, made.root)) await expect(write()).rejects.toEqual(refused);
  expect(readdirSync(made.outside)).toEqual([]);
  expect(readdirSync(join(made.root, ".."))).toEqual(before);
});

test("each kind of change is refused through a symlink, and made below the root", async () => {
  const { root, outside } = place();
  symlinkSync(outside, join(root, "out.quarantine"));
  writeFileSync(join(outside, "victim"), "x");
  const files = await outputFileSystem(root);
  const away = (name: string) => join(root, "out.quarantine", name);
  const here = join(root, "new");
  await files.mkdir(join(root, "a/b"));
  await files.writeFile(here, "x");
  const changes = [
    () => files.mkdir(away("d")),
    () => files.writeFile(away("f"), "x"),
    () => files.create(away("f")),
    () => files.link(here, away("f")),
    () => files.symlink("x", away("f")),
    () => files.rename(here, away("f")),
    () => files.rename(away("victim"), here),
    () => files.unlink(away("victim")),
    () => files.removeTree(away("victim")),
  ];
  for (const change of changes) await expect(change()).rejects.toEqual(refused);
  expect(readdirSync(outside)).toEqual(["victim"]);
});

test("a worker's threads and a table's quarantine have the same root", async () => {
  const { root, outside } = place();
  const options = {
    note: () => undefined,
    hookDir: join(root, "hooks"),
    environment: {},
    outputRoot: root,
    mayRunHooks: true,
  };
  const write = { kind: "files", to: join(outside, "out"), partitionBy: [] } as unknown as WriteSpec;
  const sink = await createRegistry(options).stagingSink(write);
  const task = { run: { id: "r-1" }, ref: { partition: 0 }, plan: { profile: { writer: {} } } } as never;
  await expect(sink.openWriter(task, "a-1", { fields: [] } as never)).rejects.toEqual(refused);
  const environment = { NIGHTSHIFT_OUTPUT_ROOT: "root" };
  expect(readSettings({ cwd: "/w", environment }).outputRoot).toBe("/w/root");
});

test.each([
  ["to: ../../elsewhere/x://y", "spec.not-supported"],
  ["to: ../../elsewhere/y", "spec.outside-output-root"],
  ["to: ../out", "spec.outside-output-root"],
  ['to: "{{ var.url }}"', "spec.template-place"],
  [
    'to: "postgres://db.example/x", table: t, quarantine: { directory: ../../elsewhere }',
    "spec.outside-output-root",
  ],
])("a spec is refused: %s", async (write, code) => {
  const project = makeSpecProject();
  project.write("jobs/a.yaml", jobText(`write: { ${write} }`));
  const vars = { url: "postgres://db.example/x" };
  const mistakes = await project.mistakes("jobs/a.yaml", {
    outputRoot: join(project.root, "out"),
    ...(write.includes("var.url") ? { vars } : {}),
  });
  expect(mistakes.diagnostics.map((diagnostic) => diagnostic.code)).toContain(code);
  project.remove();
});

test("a plan that was made elsewhere, or edited, publishes nothing outside", () => {
  const folder = scratch();
  symlinkSync(join(import.meta.dirname, "../../fixtures"), join(folder, "fixtures"));
  mkdirSync(join(folder, "jobs"));
  mkdirSync(join(folder, "root"));
  const spec = `version: 1
name: delay
model: ../fixtures/models/flight-columns.onnx
input: { from: ../fixtures/models/flight-columns.input.parquet, key: [flight_id] }
write: { to: ../root/out, mode: replace, add: { v: 1 } }
`;
  writeFileSync(join(folder, "jobs/delay.yaml"), spec);
  const planned = nightshift(folder, "plan", "delay", "--out", "plan.json");
  expect(planned, planned.stderr).toMatchObject({ status: 0 });
  const text = readFileSync(join(folder, "plan.json"), "utf8");
  const { sha256: _, ...plan } = JSON.parse(text);
  const { digest: _digest, ...early } = plan.plan;
  const asEarly = JSON.stringify({ ...plan, plan: { ...early, version: 1 } });
  const elsewhere = asEarly.replaceAll(join(folder, "root/out"), join(folder, "elsewhere"));
  const edits: readonly (readonly [string, string, string])[] = [
    [
      "the target, with the digest left in place",
      text.replaceAll("/root/out", "/elsewhere"),
      "refused.plan-changed",
    ],
    ["a column that is added", text.replace('"add":{"v":1}', '"add":{"v":2}'), "refused.plan-changed"],
    [
      "the target, as in a plan of version 0.1, which has no digest",
      elsewhere,
      "refused.outside-output-root",
    ],
  ];
  for (const [what, edited, code] of edits) {
    writeFileSync(join(folder, "edited.json"), edited);
    const ended = nightshiftWith(
      { NIGHTSHIFT_OUTPUT_ROOT: join(folder, "root") },
      ...([folder, "run", "edited.json", "--json"] as const),
    );
    expect(ended.stdout + ended.stderr, what).toContain(code);
    expect(ended.status, what).toBe(2);
    expect(existsSync(join(folder, "elsewhere")), what).toBe(false);
  }
  expect(nightshift(folder, "run", "plan.json").status).toBe(0);
});
