/** Hook bundles: created once by esbuild, stored by digest, evaluated from verified bytes. */
import type { FileSystem } from "../stores/file-system.js";
import { bundleHook } from "./bundle.js";
import { bundleStore } from "./bundle-store.js";
import type { HookRuntime } from "./hook.js";
import { loadBundle } from "./load-bundle.js";

export interface BundledHooksOptions {
  /** Directory of the bundles; absolute. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly newId: () => string;
}

export function bundledHooks({ directory, fileSystem, newId }: BundledHooksOptions): HookRuntime {
  const store = bundleStore(directory, fileSystem, newId);
  return {
    async bundle(role, path) {
      return { role, path, ...(await store.put(await bundleHook(path))) };
    },
    async load(asset, options) {
      return loadBundle(asset, await store.get(asset), options);
    },
  };
}
