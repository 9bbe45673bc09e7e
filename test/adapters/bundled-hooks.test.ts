// biome-ignore-all lint/suspicious/noTemplateCurlyInString: hooks are given as text
/** Hooks as authors write them, through the real bundler, on chunks in memory. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Bool, Dictionary, Float32, Int32, Int64, TimestampMicrosecond, Utf8 } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import type { Schema } from "../../src/data/column.js";
import { bundledHooks } from "../../src/hooks/bundled-hooks.js";
import type { LoadedHook } from "../../src/hooks/hook.js";
import type { HookRole } from "../../src/job/plan.js";
import { applyHook, type HookResult } from "../../src/scoring/hooks/apply-hook.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { batchOf, column, valuesThroughIpc } from "../support/arrow-batches.js";
import { schemaOf } from "../support/jobs.js";

let root: string;
let ids = 0;
const runtime = () =>
  bundledHooks({
    directory: join(root, "state/hooks"),
    fileSystem: localFileSystem(),
    newId: () => `draft-${ids++}`,
  });

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "nightshift-bundles-"));
});
afterAll(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): string {
  const absolute = join(root, path);
  mkdirSync(dirname(absolute), { recursive: true });
  writeFileSync(absolute, text);
  return absolute;
}

async function load(source: string, role: HookRole = "pre-hook", showValues = false): Promise<LoadedHook> {
  const asset = await runtime().bundle(role, write(`hook-${ids++}.ts`, source));
  return runtime().load(asset, { showValues });
}

const batch = batchOf({
  price: column(new Float32(), [1.5, null, 3]),
  id: column(new Int64(), [1n, 2n, 9_007_199_254_740_993n]),
  city: column(new Utf8(), ["Rio", null, "Oslo"]),
  kind: column(new Dictionary(new Utf8(), new Int32()), ["a", "b", "a"]),
  ok: column(new Bool(), [true, false, null]),
  at: column(new TimestampMicrosecond(), [0, 1_000, 86_400_000]),
});
const names = batch.schema.fields.map(({ name }) => name);

async function apply(
  source: string,
  role: HookRole = "pre-hook",
  adds: Schema | null = null,
): Promise<HookResult> {
  const context = { job: "prices", interval: null };
  return applyHook(
    { role, hook: await load(source, role), context, readable: names, taken: [...names, "unread"], adds },
    batch,
  );
}

/** Columns that a hook of one expression adds. */
async function added(expression: string): Promise<{ readonly [column: string]: readonly unknown[] }> {
  const { batch: result, adds } = await apply(`export default (c: any) => ${expression};`);
  const values = valuesThroughIpc(result);
  return Object.fromEntries(adds.map(({ name }) => [name, values[name] ?? []]));
}

describe("columns are read", () => {
  it.each([
    ["numbers", 'c.numbers("price")', [1.5, Number.NaN, 3]],
    ["integers", 'c.numbers("id")', [1, 2, 9_007_199_254_740_992]],
    ["booleans as numbers", 'c.numbers("ok")', [1, 0, Number.NaN]],
    ["instants as milliseconds", 'c.numbers("at")', [0, 1_000, 86_400_000]],
    ["texts", 'c.texts("city")', ["Rio", null, "Oslo"]],
    ["dictionaries", 'c.texts("kind")', ["a", "b", "a"]],
    ["all digits", '[...c.vector("id")]', [1n, 2n, 9_007_199_254_740_993n]],
  ])("%s", async (_, expression, expected) => {
    expect((await added(`c.add("x", ${expression})`)).x).toEqual(expected);
  });

  it("as copies: writing to one changes nothing", async () => {
    expect(await added('(c.numbers("price").fill(7), c.add("x", c.numbers("price")))')).toEqual({
      x: [1.5, Number.NaN, 3],
    });
  });
});

describe("columns are added", () => {
  it.each([
    ["Float32Array.of(1, 2, 3)", "float", [1, 2, 3]],
    ["BigUint64Array.of(1n, 2n, 2n ** 63n)", "int", [1n, 2n, 2n ** 63n]],
    ["[1, null, 2.5]", "float", [1, null, 2.5]],
    ["[1n, null, -2n]", "int", [1n, null, -2n]],
    ["[true, null, false]", "bool", [true, null, false]],
    ['["a", null, ""]', "utf8", ["a", null, ""]],
    ['[null, null, null], "string"', "utf8", [null, null, null]],
    ['[1, 2, null], "int64"', "int", [1n, 2n, null]],
    ['c.vector("at")', "timestamp", undefined],
  ])("from %s", async (values, kind, expected) => {
    const { batch: result, adds } = await apply(`export default (c: any) => c.add("x", ${values});`);
    expect(adds.map(({ name, type }) => [name, type.kind])).toEqual([["x", kind]]);
    if (expected !== undefined) expect(valuesThroughIpc(result).x).toEqual(expected);
  });

  it("one after the other, seen by the next, in the order of the plan", async () => {
    const source =
      'export default (c: any) => { const d = c.add("b", c.numbers("id")); return d.add("a", d.numbers("b").map((x: number) => -x)); };';
    const planned = schemaOf({ a: { kind: "float", bits: 64 }, b: { kind: "float", bits: 64 } });
    const { batch: result } = await apply(source, "pre-hook", planned);
    expect(result.schema.fields.map(({ name }) => name)).toEqual([...names, "a", "b"]);
    expect(valuesThroughIpc(result).a?.slice(0, 2)).toEqual([-1, -2]);
  });

  it("by a hook that waits", async () => {
    expect(await added('Promise.resolve(c.add("x", [1, 2, 3]))')).toEqual({ x: [1, 2, 3] });
  });
});

test("post drops rows and counts them, added columns and all", async () => {
  const source =
    'export default (c: any) => c.add("n", Int32Array.of(1, 2, 3)).keep([true, true, false]).keep(Uint8Array.of(0, 1, 1));';
  const { batch: result, filtered } = await apply(source, "post-hook");
  expect(filtered).toBe(2);
  expect(valuesThroughIpc(result)).toMatchObject({ n: [2], price: [null], city: [null], id: [2n] });
});

test("the context has job and interval", async () => {
  const hook =
    'export default (c: any, { job, interval }: any) => c.add("x", Array(3).fill(`${job} ${interval}`));';
  expect(valuesThroughIpc((await apply(hook)).batch).x).toEqual(Array(3).fill("prices null"));
});

describe("an error", () => {
  const thrower = `import { check } from "./lib/check";

interface Row { readonly city: string }
export default (c: any) => {
  const first: Row = { city: c.texts("city")[0] };
  return check(first.city);
};
`;
  const check = "export function check(city: string): never {\n\tthrow new RangeError(`odd ${city}`);\n}\n";

  async function thrown(showValues: boolean): Promise<unknown> {
    write("lib/check.ts", check);
    const hook = await load(thrower, "pre-hook", showValues);
    const call = { role: "pre-hook", hook, context: { job: "j", interval: null } } as const;
    return applyHook({ ...call, readable: names, taken: names, adds: null }, batch).catch(
      (error: unknown) => error,
    );
  }

  it("is reported with file, line and column of the source that threw it, without values", async () => {
    const file = join(root, "lib/check.ts");
    expect(await thrown(false)).toMatchObject({
      kind: "spec",
      code: "hook.failed",
      retryable: false,
      message: `${file}:2:8: the hook threw a RangeError\n  2 | \tthrow new RangeError(\`odd \${city}\`);\n    | \t      ^`,
      hint: expect.stringContaining("nightshift preview <job>"),
      details: { file, line: 2, column: 8 },
    });
  });

  it("is reported with its message where values may be shown", async () => {
    expect(await thrown(true)).toMatchObject({ message: expect.stringContaining("a RangeError: odd Rio\n") });
  });

  it.each([
    ["a text", "throw 'Rio'", "the hook threw a string"],
    ["undefined", "throw undefined", "the hook threw undefined"],
    [
      "an error without a stack",
      "const e: any = new Error('Rio'); e.stack = 3; throw e",
      "the hook threw an Error",
    ],
    ["a rejection", "return Promise.reject(new Error('Rio'))", "the hook threw an Error"],
  ])("may be %s", async (_, statement, message) => {
    const error = await apply(`export default () => { ${statement}; };`).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "hook.failed", message: expect.stringContaining(message) });
    expect(String(error).split("\n")[0]).not.toContain("Rio");
  });

  it("is reported too when the module itself throws", async () => {
    await expect(
      load("const limits: any = null;\nexport const low = limits.low;\nexport default (c: any) => c;"),
    ).rejects.toMatchObject({
      code: "hook.failed",
      message: expect.stringMatching(/\.ts:2:\d+: the hook threw a TypeError while it was loaded/),
    });
  });
});

it.each([
  ["an unknown column", 'c.numbers("prise")', 'the chunk has no column "prise"', 'did you mean "price"?'],
  ["a name that is taken", 'c.add("price", [1, 2, 3])', 'there is a column "price" already', "another name"],
  [
    "a name of a column that isn't read",
    'c.add("unread", [1, 2, 3])',
    'there is a column "unread"',
    "another name",
  ],
  [
    "a name added twice",
    'c.add("x", [1, 2, 3]).add("x", [1, 2, 3])',
    'there is a column "x" already',
    "another name",
  ],
  ["no name", 'c.add("", [1, 2, 3])', "a column needs a name", "give one"],
  ["too few values", 'c.add("x", [1])', 'column "x" was given 1 values for 3 rows', "each row"],
  ["no values", 'c.add("x")', 'column "x" was given no values for 3 rows', "each row"],
  ["nulls alone", 'c.add("x", [null, null, null])', 'the type of column "x" can\'t be told', '"float64"'],
  ["mixed values", 'c.add("x", [1, "Rio", 2])', "its value in row 1 of the chunk is a string", "one type"],
  ["a value that does not fit", 'c.add("x", [1, 2, 2 ** 40], "int32")', "in row 2 of the chunk", "one type"],
  [
    "another type than a typed array has",
    'c.add("x", new Int8Array(3), "float32")',
    "asked to be float32",
    "leave the type out",
  ],
  ["clamped bytes", 'c.add("x", new Uint8ClampedArray(3))', "a Uint8ClampedArray", "Float32Array"],
  ["objects", 'c.add("x", [{}, {}, {}])', "values of type object", "numbers, bigints"],
  ["texts as numbers", 'c.numbers("city")', 'column "city" is string', 'chunk.texts("city")'],
  ["numbers as texts", 'c.texts("price")', 'column "price" is float32', 'chunk.vector("price")'],
  ["rows dropped by pre", "c.keep([true, true, true])", "only a `post` hook may drop rows", "`post:`"],
])("misuse is explained at its line, without values: %s", async (_, expression, message, hint) => {
  const error = await apply(`export default (c: any) => {\n  return ${expression};\n};`).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({
    code: "hook.misused",
    message: expect.stringMatching(/\.ts:2:\d+: /),
    hint: expect.stringContaining(hint),
  });
  expect(String(error)).toContain(message);
  const [told] = String(error).split("\n");
  expect(told).not.toContain("Rio");
});

it("a mask of another length is refused", async () => {
  await expect(apply("export default (c: any) => c.keep([true]);", "post-hook")).rejects.toMatchObject({
    message: expect.stringContaining("`keep` was given 1 values for 3 rows"),
  });
});

describe("what a hook returns", () => {
  it.each([
    ["nothing", "undefined", "the hook returned nothing"],
    ["null", "null", "the hook returned null"],
    ["something else", "({ rows: 3 })", "the hook returned an object that is not its chunk"],
  ])("%s", async (_, value, message) => {
    await expect(apply(`export default () => ${value};`)).rejects.toMatchObject({
      code: "hook.no-chunk",
      message: expect.stringContaining(message),
    });
  });

  it("a chunk of another call", async () => {
    const hook = await load("let first: any;\nexport default (c: any) => (first ??= c);");
    const call = { role: "pre-hook", hook, context: { job: "j", interval: null } } as const;
    const given = { ...call, readable: names, taken: names, adds: null };
    await applyHook(given, batch);
    await expect(applyHook(given, batch.slice(0, 2))).rejects.toMatchObject({ code: "hook.no-chunk" });
  });

  it.each([
    ["a column less", "c", 'adds no column "x" to this chunk'],
    [
      "another type",
      'c.add("x", new Float64Array(3))',
      'column "x" is float64 in this chunk, and was float32',
    ],
    ["a column more", 'c.add("x", new Float32Array(3)).add("y", [1, 2, 3])', 'adds column "y" to this chunk'],
  ])("%s than planned", async (_, expression, message) => {
    const planned = schemaOf({ x: { kind: "float", bits: 32 } });
    await expect(
      apply(`export default (c: any) => ${expression};`, "pre-hook", planned),
    ).rejects.toMatchObject({
      code: "hook.changed-columns",
      message: expect.stringContaining(message),
    });
  });

  it("nulls alone, where the plan knows the type", async () => {
    const planned = schemaOf({ x: { kind: "utf8" } });
    const { batch: result } = await apply(
      'export default (c: any) => c.add("x", [null, null, null]);',
      "pre-hook",
      planned,
    );
    expect(valuesThroughIpc(result).x).toEqual([null, null, null]);
  });
});

describe("a module", () => {
  it.each([
    ["without a default export", "export const pre = 1;", "hook.no-default", "default export"],
    ["that is no TypeScript", "export default (c) => {\n  const = 3;\n};", "hook.bundle", ".ts:2:9: "],
    [
      "that imports what isn't there",
      'import "no-such-package-here";',
      "hook.bundle",
      'Could not resolve "no-such-package-here"',
    ],
    ["with top-level await", "await 1;\nexport default (c: any) => c;", "hook.bundle", "Top-level await"],
    [
      "whose reads are none",
      "export const reads = 3;\nexport default (c: any) => c;",
      "hook.reads",
      "not a list",
    ],
  ])("%s", async (_, source, code, message) => {
    await expect(load(source)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it("that isn't there", async () => {
    await expect(runtime().bundle("pre-hook", join(root, "none.ts"))).rejects.toMatchObject({
      code: "hook.not-found",
    });
  });

  it("may use Node's own modules and JSON", async () => {
    write("factor.json", '{ "factor": 2 }');
    const source =
      'import { factor } from "./factor.json";\nimport { EOL } from "node:os";\nexport default (c: any) => c.add("x", [factor, EOL.length, 0]);';
    expect(valuesThroughIpc((await apply(source)).batch).x).toEqual([2, 1, 0]);
  });
});

describe("a bundle", () => {
  const hook = 'import { one } from "./one";\nexport default (c: any) => c.add("x", [one, one, one]);\n';

  it("has one digest wherever the project lies, and another once anything in it changes", async () => {
    write("here/hook.ts", hook);
    write("here/one.ts", "export const one = 1;\n");
    cpSync(join(root, "here"), join(root, "far/away"), { recursive: true });
    const bundle = async (path: string) => (await runtime().bundle("pre-hook", join(root, path))).sha256;
    const first = await bundle("here/hook.ts");
    expect(await bundle("here/hook.ts")).toBe(first);
    expect(await bundle("far/away/hook.ts")).toBe(first);
    write("far/away/one.ts", "export const one = 2;\n");
    expect(await bundle("far/away/hook.ts")).not.toBe(first);
  });

  it("is loaded as it was pinned, or not at all", async () => {
    const asset = await runtime().bundle("pre-hook", write("pinned.ts", "export default (c: any) => c;"));
    write("pinned.ts", "throw new Error('changed');");
    await expect(runtime().load(asset, { showValues: false })).resolves.toBeDefined();
    const kept = join(root, "state/hooks", `${asset.sha256}.cjs`);
    writeFileSync(kept, "exports.default = (c) => c;");
    await expect(runtime().load(asset, { showValues: false })).rejects.toMatchObject({
      code: "hook.missing",
    });
    rmSync(kept);
    await expect(runtime().load(asset, { showValues: false })).rejects.toMatchObject({
      code: "hook.missing",
    });
  });

  it("leaves no drafts behind, and mends one that was damaged", async () => {
    const path = write("mended.ts", "export default (c: any) => c; // mended");
    const asset = await runtime().bundle("pre-hook", path);
    writeFileSync(join(root, "state/hooks", `${asset.sha256}.cjs`), "torn");
    await runtime().bundle("pre-hook", path);
    await expect(runtime().load(asset, { showValues: false })).resolves.toBeDefined();
    expect(readdirSync(join(root, "state/hooks")).every((name) => /^[0-9a-f]{64}\.cjs$/.test(name))).toBe(
      true,
    );
  });
});
