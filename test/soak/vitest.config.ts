import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/soak/**/*.test.ts"],
    setupFiles: ["src/registry.ts"],
    globalSetup: ["test/support/build.ts", "test/support/postgres-run.ts"],
    reporters: ["default", "./test/support/closing-lines.ts"],
    testTimeout: 0,
    hookTimeout: 120_000,
    maxWorkers: 1,
  },
});
