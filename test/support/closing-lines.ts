import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from "vitest/node";

/**
 * Says last what failed, what did not run and why, then the counts on a line of their own: nothing is skipped silently,
 * and the end of a log is enough to know what broke. A test that cannot run here says what it needs (`needs` in
 * places.ts).
 */
export default class ClosingLines implements Reporter {
  private isChosenByName = false;

  onInit(vitest: Vitest): void {
    this.isChosenByName = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: unhandled.length };
    const failed: string[] = unhandled.map((error) => `  outside of any test: ${firstLine(error)}`);
    const notRun: string[] = [];
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") counts.passed += 1;
        else if (state === "failed") {
          failedHere += 1;
          failed.push(
            `  ${module.relativeModuleId} > ${test.fullName}: ${firstLine(test.result().errors?.[0])}`,
          );
        } else notRun.push(...this.told(module, test));
      }
      // A file that cannot be loaded has no test that could fail.
      if (module.state() === "failed" && failedHere === 0) {
        failedHere = 1;
        failed.push(`  ${module.relativeModuleId}: ${firstLine(module.errors()[0])}`);
      }
      counts.failed += failedHere;
    }
    if (failed.length > 0) console.log(`\nFAILED:\n${failed.join("\n")}`);
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

function firstLine(error: { readonly message?: string } | undefined): string {
  return error?.message?.split("\n", 1)[0] ?? "no error was reported";
}
