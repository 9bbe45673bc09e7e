import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { commands } from "../../src/cli/shell/commands.js";
import { jobJsonSchema } from "../../src/spec/schema.js";
import { makeSpecProject } from "../support/spec-project.js";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(repository + path, "utf8");
const documents = [
  "README.md",
  ...readdirSync(`${repository}docs`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const quoted = (text: string) => [...text.matchAll(/`([^`\n]+)`/g)].map(([, inner = ""]) => inner);

test.each([
  ["ARCHITECTURE.md", 80],
  ["docs/internals.md", 15],
])("every file that %s names is there", (document, least) => {
  // Names in an output, which is not in this repository.
  const ofOutputs = /^(log|shown|\.out\.nightshift)\//;
  const named = quoted(read(document)).filter(
    (name) => /^[\w./-]+(\.(ts|cjs|md)|\/)$/.test(name) && !ofOutputs.test(name),
  );
  // Short names stand beside the folder that the paragraph is about.
  const folders = ["src/", "src/sinks/files/", "src/sinks/postgres/", ""];
  const missing = named.filter((name) => !folders.some((folder) => existsSync(repository + folder + name)));
  expect(named.length).toBeGreaterThan(least);
  expect(missing).toEqual([]);
});

test("the code map has everything in src", () => {
  const map = quoted(read("ARCHITECTURE.md"));
  const absent = readdirSync(`${repository}src`).filter(
    (name) => !map.includes(name) && !map.includes(`${name}/`),
  );
  expect(absent).toEqual([]);
});

test("ARCHITECTURE.md stays short enough to be read", () => {
  const lines = read("ARCHITECTURE.md").split("\n");
  expect(lines.length).toBeLessThanOrEqual(200);
  expect(lines.filter((line) => line.length > 120)).toEqual([]);
});

test("the README lists the commands that there are", () => {
  const [, list = ""] = /## Commands\n([\s\S]*?)\n## /.exec(read("README.md")) ?? [];
  const listed = list
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .flatMap(quoted);
  expect(listed.sort()).toEqual(commands.map(({ name }) => name).sort());
});

test("every command in the README and its documents exists", () => {
  const names = commands.map(({ name }) => name);
  const used = documents.flatMap((path) =>
    [...read(path).matchAll(/(?:`|^(?:\$ )?|npx )nightshift ([a-z]+)/gm)].map(([, name]) => name),
  );
  expect(used.length).toBeGreaterThan(15);
  expect(used.filter((name) => !names.includes(name ?? ""))).toEqual([]);
});

test("links between documents lead somewhere", () => {
  const links = ["CONTRIBUTING.md", "ARCHITECTURE.md", ...documents].flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, link = ""]) => ({ path, link })),
  );
  const broken = links.filter(({ path, link }) => {
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : join(dirname(path), file);
    return !existsSync(repository + target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  expect(broken).toEqual([]);
});

/** Of the headings of a document, as GitHub makes them. */
function anchorsOf(path: string): readonly string[] {
  return [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("docs/README.md leads to every document", () => {
  const index = read("docs/README.md");
  const absent = documents
    .filter((path) => path.startsWith("docs/") && path !== "docs/README.md")
    .filter((path) => !index.includes(`(${path.slice("docs/".length)})`));
  expect(absent).toEqual([]);
});

test("the README stays short enough to be read", () => {
  expect(read("README.md").split("\n").length).toBeLessThanOrEqual(200);
});

test("docs/job-spec.md documents every key of the schema, and no other", () => {
  const [, keys = ""] = /\n## Keys\n([\s\S]*?)\n## /.exec(read("docs/job-spec.md")) ?? [];
  const documented = [...keys.matchAll(/^\| `([^`]+)` \|/gm)].map(([, key = ""]) => key);
  expect(documented.sort()).toEqual([...schemaKeys(jobJsonSchema() as JsonSchema)].sort());
});

test.each(["README.md", "docs/quick-start.md", "docs/job-spec.md"])(
  "the job in %s has no mistakes",
  async (path) => {
    const [, yaml = ""] = /```yaml(?: \S+)?\n([\s\S]*?)```/.exec(read(path)) ?? [];
    const project = makeSpecProject();
    try {
      project.write("jobs/job.yaml", yaml);
      const { job } = await project.load(
        "jobs/job.yaml",
        yaml.includes("intervals:") ? { at: "2001-06-11" } : {},
      );
      expect(yaml).toContain(`name: ${job.name}`);
    } finally {
      project.remove();
    }
  },
);

interface JsonSchema {
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: { readonly [key: string]: JsonSchema };
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
}

/** Dotted paths of all keys that can be written; `<name>` where the author chooses it. */
function schemaKeys(schema: JsonSchema, path = ""): ReadonlySet<string> {
  const keys = new Set<string>();
  const enter = (inner: JsonSchema, name: string) => {
    keys.add(name);
    for (const key of schemaKeys(inner, name)) keys.add(key);
  };
  for (const [key, inner] of Object.entries(schema.properties ?? {}))
    enter(inner, path === "" ? key : `${path}.${key}`);
  if (typeof schema.additionalProperties === "object") enter(schema.additionalProperties, `${path}.<name>`);
  if (schema.items !== undefined) for (const key of schemaKeys(schema.items, `${path}[]`)) keys.add(key);
  for (const branch of schema.anyOf ?? []) for (const key of schemaKeys(branch, path)) keys.add(key);
  return keys;
}
