import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from "vitest/node";

/**
 * Says last what did not run and why, then the counts on a line of their own: nothing is skipped silently. A test that
 * cannot run here says what it needs (`needs` in places.ts).
 */
export default class ClosingLines implements Reporter {
  private isChosenByName = false;

  onInit(vitest: Vitest): void {
    this.isChosenByName = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: unhandled.length };
    const notRun: string[] = [];
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed += 1;
        else if (state === "failed") failedHere += 1;
        else notRun.push(...this.told(module, test));
      }
      // A file that cannot be loaded has no test that could fail.
      counts.failed += module.state() === "failed" ? Math.max(1, failedHere) : failedHere;
    }
    if (notRun.length > 0) console.log(`\nNOT RUN:\n${notRun.join("\n")}`);
    const rest = notRun.length === 0 ? "" : `, ${notRun.length} not run`;
    console.log(`\n${counts.passed} passed, ${counts.failed} failed${rest}`);
  }

  private told(module: TestModule, test: TestCase): readonly string[] {
    const result = test.result();
    const note = result.state === "skipped" ? result.note : "its file ended early";
    // Left out by `-t`, which is no secret.
    if (note === undefined && this.isChosenByName) return [];
    return [`  ${module.relativeModuleId} > ${test.fullName}: ${note ?? "no reason given"}`];
  }
}
