import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anotherUser } from "../support/another-user.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const place = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-packed-")));
const project = join(place, "project");

/** As in a user's shell: without the variables that npm sets for the scripts that it runs. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))),
  NO_COLOR: "1",
  // Else it fetches CUDA libraries: hundreds of megabytes, and a failure where there is no network.
  ONNXRUNTIME_NODE_INSTALL: "skip",
};

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

let packed: Packed;

function inProject(command: string, ...given: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, given, { cwd: project, env, encoding: "utf8" });
  return { status, stdout, stderr };
}

beforeAll(() => {
  mkdirSync(project);
  // Without scripts: `prepare` would compile anew, under the feet of the tests beside this one.
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", place];
  packed = JSON.parse(execFileSync("npm", pack, { cwd: root, env, encoding: "utf8" }))[0];
  const installed = inProject("npm", "install", "--no-audit", "--no-fund", join(place, packed.filename));
  expect(installed.stderr).not.toMatch(/npm error|deprecated|EBADENGINE|ERESOLVE/);
  expect(installed.status).toBe(0);
}, 300_000);

afterAll(() => rmSync(place, { recursive: true, force: true }));

test("the package holds what runs, what the demo needs and what the law asks for, and nothing else", () => {
  const paths = packed.files.map(({ path }) => path);
  const expected = [
    /^dist\/[\w./-]+\.(js|d\.ts)$/,
    /^generated\/onnx_pb\.(js|d\.ts)$/,
    /^docs\/(how-to\/|reference\/)?[\w-]+\.(md|svg)$/,
    /^schema\/(job|openapi)\.v1\.json$/,
    /^jobs\/flight-delay\.yaml$/,
    /^fixtures\/models\/flight-delay\.onnx$/,
    /^fixtures\/flights\/dt=2001-06-1[1-7]\/flights\.parquet$/,
    /^(LICENSE|NOTICE|THIRD_PARTY_NOTICES\.md|README\.md|SECURITY\.md|CHANGELOG\.md|package\.json)$/,
  ];
  expect(paths.filter((path) => !expected.some((pattern) => pattern.test(path)))).toEqual([]);
  expect(expected.filter((pattern) => !paths.some((path) => pattern.test(path)))).toEqual([]);
  expect(paths.filter((path) => path.startsWith("fixtures/flights/"))).toHaveLength(7);
  for (const name of ["LICENSE", "NOTICE", "THIRD_PARTY_NOTICES.md", "dist/bundle/cli.js", "dist/index.d.ts"])
    expect(paths).toContain(name);
  expect(packed.unpackedSize).toBeLessThan(9_500_000);
});

test("the demo runs, publishes every row and says what to do next", () => {
  const { status, stdout, stderr } = inProject("npx", "nightshift", "demo");
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(stdout).toMatch(/flight_id +date +destination +is_late +p_late/);
  expect(stderr).toContain("rows in  116,493 = 116,493 predicted + 0 quarantined + 0 filtered");
  expect(stderr).toContain("npx nightshift run flight-delay");
  const published = join(project, "nightshift-demo/out/flight-delay");
  expect(existsSync(join(published, "_SUCCESS"))).toBe(true);
  expect(readdirSync(published).filter((name) => name.startsWith("dt="))).toHaveLength(7);
  // What the first line of its job names, for editors.
  expect(existsSync(join(project, "nightshift-demo/schema/job.v1.json"))).toBe(true);
});

test("what the demo suggests works in its folder", () => {
  const again = spawnSync("npx", ["nightshift", "run", "flight-delay", "--at", "2001-06-12"], {
    cwd: join(project, "nightshift-demo"),
    env,
    encoding: "utf8",
  });
  expect({ status: again.status, stderr: again.stderr }).toEqual({
    status: 0,
    stderr: expect.stringContaining("already published"),
  });
});

test("the files of the image, owned by root and without a writable place but the project, run the demo", () => {
  const image = join(place, "image");
  const workdir = join(image, "project");
  mkdirSync(workdir, { recursive: true });
  for (const { from, to } of copiesOfImage(readFileSync(join(root, "Dockerfile"), "utf8"))) {
    mkdirSync(dirname(join(image, "app", to)), { recursive: true });
    if (from === "node_modules") symlinkSync(join(project, from), join(image, "app", to));
    else cpSync(join(root, from), join(image, "app", to), { recursive: true });
  }
  const user = anotherUser();
  try {
    user.own(workdir);
    // Under root, tests of other users need a place that those can reach.
    chmodSync(place, 0o755);
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [join(image, "app/dist/bundle/cli.js"), "demo"],
      {
        cwd: workdir,
        env,
        encoding: "utf8",
        ...(user.startAs.uid === undefined ? {} : { uid: user.startAs.uid, gid: user.startAs.uid }),
      },
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toMatch(/flight_id +date +destination +is_late +p_late/);
    expect(readdirSync(workdir)).toEqual(["nightshift-demo"]);
  } finally {
    user.remove();
    rmSync(image, { recursive: true, force: true });
  }
});

test("doctor finds nothing wrong", () => {
  const { status, stdout, stderr } = inProject("npx", "nightshift", "doctor");
  expect({ status, stderr, stdout }).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("Nightshift 0."),
  });
});

test("a program that uses the library and the schema type-checks, our declarations and Arrow's included", () => {
  writeFileSync(
    join(project, "program.ts"),
    `import { defineJob, exitCodeOf, runJob, type RunEvent, type RunOutcome } from "nightshift";
import openapi from "nightshift/openapi" with { type: "json" };
import schema from "nightshift/schema" with { type: "json" };

const title: string = schema.$schema;
const operation: string = openapi.paths["/v1/jobs/{job}/runs"].post.operationId;
const job = defineJob({
  version: 1,
  name: "scores",
  model: "model.onnx",
  input: { from: "data/*.parquet" },
  write: { to: "out", mode: "replace" },
});
const run = runJob(job, { signal: AbortSignal.timeout(1000) });
for await (const event of run) told(event);
const outcome: RunOutcome = await run.outcome;
if (outcome.error !== null) process.exitCode = exitCodeOf(outcome.error);

function told(event: RunEvent): void {
  if (event.type === "run.published") console.log(title, operation, event.publication, event.rows.predicted);
  // @ts-expect-error: there is no such event
  if (event.type === "run.imagined") return;
}
// @ts-expect-error: a job without a model
defineJob({ version: 1, name: "scores", input: { from: "data" }, write: { to: "out" } });
`,
  );
  writeFileSync(
    join(project, "package.json"),
    JSON.stringify({ type: "module", dependencies: { nightshift: "*" } }),
  );
  const options = [
    "--strict",
    "--noEmit",
    "--module",
    "NodeNext",
    "--target",
    "ES2023",
    "--skipLibCheck",
    "false",
  ];
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = inProject(
    process.execPath,
    tsc,
    ...options,
    "--resolveJsonModule",
    "program.ts",
  );
  expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
});

test("every link of a document that ships leads to a file that ships, or to the web", () => {
  const shipped = new Set(packed.files.map(({ path }) => path));
  const broken = packed.files
    .map(({ path }) => path)
    .filter((path) => path.endsWith(".md") && path !== "THIRD_PARTY_NOTICES.md")
    .flatMap((path) => brokenLinks(path, shipped));
  expect(broken).toEqual([]);
});

test("nothing was left outside of the project", () => {
  expect(readdirSync(place).sort()).toEqual([packed.filename, "project"].sort());
  const ours = ["nightshift-demo", "node_modules", "package-lock.json", "package.json", "program.ts"];
  expect(readdirSync(project).sort()).toEqual(ours);
});

/** What the image's last stage copies from the stage that builds: paths below /app in both. */
function copiesOfImage(dockerfile: string): readonly { readonly from: string; readonly to: string }[] {
  const copies = [...dockerfile.matchAll(/^COPY --from=build (.+) (\S+)$/gm)];
  return copies.flatMap(([, sources = "", target = ""]) =>
    sources.split(" ").map((source) => {
      const from = source.replace("/app/", "");
      const to = target.endsWith("/") ? join(target, basename(from)) : target;
      return { from, to };
    }),
  );
}

/** Files that belong to the repository alone. */
const inRepository =
  /^(ARCHITECTURE\.md|CONTRIBUTING\.md|docker-compose\.yml)$|^(fixtures|deploy|bench|jobs|test|src|scripts)\//;

function brokenLinks(path: string, shipped: ReadonlySet<string>): readonly string[] {
  const text = readFileSync(join(root, path), "utf8");
  return [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
    .map(([, link = ""]) => join(path, "..", link))
    .filter(
      (target) => !shipped.has(target) && !(inRepository.test(target) && existsSync(join(root, target))),
    )
    .map((target) => `${path} -> ${target}`);
}
