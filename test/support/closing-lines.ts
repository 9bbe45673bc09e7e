import type { Reporter, SerializedError, TestModule } from "vitest/node";

/**
 * Says last what did not run and why, then the counts on a line of their own: nothing is skipped silently. A test that
 * cannot run here says so with `skip("what it needs")`.
 */
export default class ClosingLines implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    const notRun: string[] = [];
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const result = test.result();
        counts[result.state] += 1;
        if (result.state === "failed") failedHere += 1;
        if (result.state === "passed" || result.state === "failed") continue;
        const why = result.state === "skipped" ? (result.note ?? "no reason given") : "its file ended early";
        notRun.push(`  ${module.relativeModuleId} > ${test.fullName}: ${why}`);
      }
      if (module.state() === "failed" && failedHere === 0) counts.failed += 1;
    }
    if (notRun.length > 0) console.log(`\nNOT RUN:\n${notRun.join("\n")}`);
    const rest = notRun.length === 0 ? "" : `, ${notRun.length} not run`;
    console.log(`\n${counts.passed} passed, ${counts.failed} failed${rest}`);
  }
}
