/**
 * Evaluates a bundle from the verified bytes, not from a file that could have changed since. It runs in this
 * thread's own realm: a hook is trusted as much as the job that names it.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compileFunction } from "node:vm";
import { isMainThread } from "node:worker_threads";
import { SpecError } from "../errors.js";
import type { Asset } from "../job/plan.js";
import type { LoadedHook } from "./hook.js";
import { hookError } from "./hook-errors.js";
import { placeFinder } from "./source-places.js";

interface HookExports {
  readonly default?: unknown;
  readonly reads?: unknown;
}

/** @throws SpecError `hook.no-default`, `hook.reads`, `hook.failed` */
export function loadBundle(
  { path, sha256 }: Asset,
  bytes: Uint8Array,
  { showValues }: { readonly showValues: boolean },
): LoadedHook {
  const code = Buffer.from(bytes).toString("utf8");
  const scriptName = `nightshift-hook-${sha256}.cjs`;
  const options = { path, showValues, findPlace: placeFinder(code, scriptName, path) };
  const details = { file: path };

  refuseExit();
  const exported = evaluate();
  const hook = exported.default;
  if (typeof hook !== "function")
    throw new SpecError("hook.no-default", `${path} has no function as its default export`, {
      hint: "write `export default (chunk) => chunk.add(…)`",
      details,
    });
  return {
    path,
    details,
    reads: readsOf(exported.reads, path),
    async call(chunk, context) {
      try {
        return await hook(chunk, context);
      } catch (thrown) {
        throw hookError(thrown, "", options);
      }
    },
  };

  function evaluate(): HookExports {
    const module: { exports: HookExports } = { exports: {} };
    try {
      const run = compileFunction(code, ["module", "exports", "require"], { filename: scriptName });
      // The only remaining `require` calls are for Node's own modules: everything else is in the bundle.
      run(module, module.exports, createRequire(join(dirname(path), scriptName)));
    } catch (thrown) {
      throw hookError(thrown, " while it was loaded", options);
    }
    return module.exports;
  }
}

/**
 * Makes `process.exit` throw in this thread. Ending the thread would lose its other work, and the error would
 * not name the hook. The main thread of a process is not changed.
 */
function refuseExit(): void {
  if (isMainThread) return;
  process.exit = (code) => {
    throw new SpecError(
      "hook.misused",
      `process.exit(${code ?? ""}) was called: it would end the process that the hook runs in`,
      {
        hint: "throw an error instead",
      },
    );
  };
}

function readsOf(value: unknown, path: string): readonly string[] | null {
  if (value === undefined) return null;
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  throw new SpecError("hook.reads", `${path}: \`reads\` is not a list of column names`, {
    hint: 'write `export const reads = ["distance"]`, or omit it to receive every column',
    details: { file: path },
  });
}
