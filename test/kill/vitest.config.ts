import { defineConfig } from "vitest/config";

/** The kill test of the PostgreSQL sink and ledger: a few minutes on quiet cores, so not part of `npm test`. */
export default defineConfig({
  test: {
    include: ["test/kill/postgres-*.test.ts"],
    setupFiles: ["src/registry.ts"],
    globalSetup: ["test/support/build.ts", "test/support/postgres-run.ts"],
    reporters: ["verbose", "./test/support/closing-lines.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
