/** What a hint says to do helps in the situation in which it is printed. */
import { cpSync, existsSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { preloadPath } from "../support/cli.js";
import {
  type FlightProject,
  flightProject,
  holding,
  keysIn,
  writeFlights,
} from "../support/flight-project.js";
import { type Finished, jsonLinesOf } from "../support/nightshift.js";

let project: FlightProject;

afterEach(() => project.remove());

/** A run that is held at its second input until the situation has been made, then ends as it ends. */
async function disturbed(disturb: () => void, how: "ends" | "is killed"): Promise<void> {
  const hold = holding(project.cwd, { role: "thread", path: "input/01", nth: 1 });
  const run = project.start(["run", "flights"], { env: hold.env });
  await hold.reached();
  disturb();
  if (how === "is killed") run.child.kill("SIGKILL");
  else hold.letGo();
  await run.finished;
}

function replace(path: string): void {
  writeFlights(`${path}.new`, { first: 100, rows: 50 });
  renameSync(`${path}.new`, path);
}

const staging = (): string => {
  const root = join(project.cwd, ".out.nightshift/staging");
  return join(root, readdirSync(root)[0] ?? "");
};

/** A coordinator that dies once its publication is decided, and before readers can see it. */
async function diesWhenDecided(): Promise<void> {
  const order = {
    role: "coordinator",
    op: "link",
    path: "log/\\d{20}\\.json$",
    nth: 1,
    when: "after",
    target: "self",
  };
  const env = {
    NODE_OPTIONS: `--import ${pathToFileURL(preloadPath).href}`,
    NIGHTSHIFT_KILL_AT: JSON.stringify({ ...order, mark: join(project.cwd, "killed") }),
  };
  expect((await project.start(["run", "flights"], { env }).finished).status).toBeNull();
  expect(existsSync(project.out)).toBe(false);
}

/** A file of the only run, as it was staged. */
function stagedFile(): string {
  const name = readdirSync(staging(), { recursive: true, encoding: "utf8" }).find((one) =>
    one.endsWith(".parquet.staged"),
  );
  return join(staging(), name ?? "");
}

const errorOf = ({ stderr }: Finished): { readonly code: string; readonly hint: string } =>
  stderr
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .find(({ error }) => error !== undefined)?.error;

interface Situation {
  readonly name: string;
  readonly make: () => Promise<void>;
  readonly code: string;
  /** What the hint names. */
  readonly names: string;
  /** Does what the hint says. @returns the command that finishes */
  readonly help: () => readonly string[];
}

const model = (): string => join(project.cwd, "model.onnx");

const situations: readonly Situation[] = [
  {
    name: "an input was replaced, and the run failed",
    make: () => disturbed(() => replace(project.inputPath(2)), "ends"),
    code: "source.changed",
    names: "--restart",
    help: () => ["run", "flights", "--restart"],
  },
  {
    name: "a user removed what an unfinished run had staged",
    make: () => disturbed(() => rmSync(staging(), { recursive: true }), "is killed"),
    code: "infra.staged-missing",
    names: "--restart",
    help: () => ["run", "flights", "--restart"],
  },
  {
    name: "the model was replaced while a run was unfinished",
    make: () =>
      disturbed(() => {
        cpSync(model(), `${model()}.planned`);
        writeFileSync(model(), "another");
      }, "is killed"),
    code: "model.changed",
    names: "Put the planned file back",
    help: () => {
      cpSync(`${model()}.planned`, model());
      return ["retry"];
    },
  },
  {
    name: "a decided publication was damaged before it was shown",
    make: async () => {
      await diesWhenDecided();
      truncateSync(stagedFile(), 100);
    },
    code: "infra.published-file-damaged",
    names: "--reprocess",
    help: () => ["run", "flights", "--reprocess"],
  },
  {
    name: "a file of a decided publication was removed before it was shown",
    make: async () => {
      await diesWhenDecided();
      rmSync(stagedFile());
    },
    code: "infra.published-file-missing",
    names: "--reprocess",
    help: () => ["run", "flights", "--reprocess"],
  },
];

test.each(situations)("$name: $names helps", async ({ make, code, names, help }) => {
  project = flightProject({ files: 3 });
  await make();
  const refused = project.nightshift("retry", "--json");
  expect(refused.status).not.toBe(0);
  expect(errorOf(refused)).toMatchObject({ code, hint: expect.stringContaining(names) });
  const helped = project.nightshift(...help(), "--json");
  expect(helped).toMatchObject({ status: 0 });
  expect(jsonLinesOf(helped).at(-1)).toMatchObject({ status: "published" });
  expect(await keysIn(project.out)).toHaveLength(150);
});
