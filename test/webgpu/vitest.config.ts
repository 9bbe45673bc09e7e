import { defineConfig } from "vitest/config";
import base from "../../vitest.config.js";

/** For scripts/test-webgpu.mjs, which finds a WebGPU device first. */
export default defineConfig({
  test: {
    ...base.test,
    setupFiles: ["src/registry.ts"],
    globalSetup: ["test/support/build.ts"],
    include: ["test/webgpu/**/*.test.ts"],
    exclude: [],
  },
});
