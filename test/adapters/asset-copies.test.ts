/** A worker's copies as those read them who need them: from where the copy is, under the name that was planned. */
import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parquetFormat } from "../../src/formats/parquet/parquet-format.js";
import { bundledHooks } from "../../src/hooks/bundled-hooks.js";
import type { Asset } from "../../src/job/plan.js";
import { loadFiles, pinFiles } from "../../src/mapping/files/load-files.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { localStore } from "../../src/stores/local/local-store.js";
import { jobWith } from "../support/jobs.js";
import { profile, runtime } from "../support/onnx-run.js";

const fixture = fileURLToPath(new URL("../../fixtures/models/delay-encoder.onnx", import.meta.url));
let root: string;
const here = (name: string): string => join(root, name);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "nightshift-copies-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The planned files go, their copies stay. */
function moved(assets: readonly Asset[], places: (asset: Asset) => string): readonly Asset[] {
  return assets.map((asset, index) => {
    const at = here(`copy-${index}`);
    renameSync(places(asset), at);
    return { ...asset, at };
  });
}

const hooks = () =>
  bundledHooks({ directory: here("hooks"), fileSystem: localFileSystem(), newId: () => "draft" });

const kinds = {
  async model() {
    for (const suffix of ["", ".data"])
      copyFileSync(`${fixture}${suffix}`, here(`delay-encoder.onnx${suffix}`));
    const { assets } = await runtime.inspect(here("delay-encoder.onnx"), []);
    const copies = moved(assets, ({ path }) => path);
    return { copies, load: async () => (await runtime.load(copies, profile)).close() };
  },
  async "mapping file"() {
    writeFileSync(here("origins.json"), '{"LIS": 1}');
    const inputs = { x: { kind: "column", column: "o", map: { file: here("origins.json") } } } as const;
    const job = jobWith({ features: { inputs }, outputs: {} });
    const parts = { store: localStore(), format: parquetFormat() };
    const { assets, files } = await pinFiles(job, parts);
    const copies = moved(assets, ({ path }) => path);
    return {
      copies,
      load: async () => expect(await loadFiles(job, copies, parts)).toEqual(files),
    };
  },
  async hook() {
    writeFileSync(here("post.ts"), "export default (chunk: any) => chunk;\n");
    const asset = await hooks().bundle("post-hook", here("post.ts"));
    const copies = moved([asset], ({ sha256 }) => join(here("hooks"), `${sha256}.cjs`));
    const load = async () => {
      for (const copy of copies) await hooks().load(copy, { showValues: false });
    };
    return { copies, load };
  },
};

describe.each(["model", "mapping file", "hook"] as const)("the copy of a %s", (kind) => {
  test("is loaded", async () => {
    const { load } = await kinds[kind]();
    await load();
  });

  test("that was changed or removed is reported as such, and may be retried", async () => {
    const { copies, load } = await kinds[kind]();
    const copy = copies.at(-1);
    if (copy?.at === undefined) throw new Error("there is none");
    writeFileSync(copy.at, Buffer.alloc(copy.size, "x"));
    const told = {
      code: "infra.asset-damaged",
      retryable: true,
      message: expect.stringContaining(
        `${copy.at}, this machine's copy of the ${copy.role} ${copy.path} with SHA-256 ${copy.sha256}, is damaged`,
      ),
    };
    await expect(load()).rejects.toMatchObject(told);
    rmSync(copy.at);
    await expect(load()).rejects.toMatchObject(told);
  });
});
