import { defineConfig } from "vitest/config";
import { BusyTestsLast } from "./test/support/test-order.js";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A WebGPU device has to be found first: npm run test:webgpu. npm run soak and test:kill:postgres take their time.
    exclude: ["test/webgpu/**", "test/soak/**", "test/kill/postgres-*"],
    // Registers the adapters, as every process of Nightshift does when it starts.
    setupFiles: ["src/registry.ts"],
    globalSetup: ["test/support/build.ts", "test/support/postgres-run.ts"],
    reporters: ["default", "./test/support/closing-lines.ts"],
    sequence: { sequencer: BusyTestsLast },
    // Some tests load ONNX Runtime in their own process.
    env: { ORT_DISABLE_TELEMETRY: "1" },
    // Real processes on busy machines: generous, since no test asserts a time.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most tests start processes with threads of their own.
    maxWorkers: 2,
  },
});
