import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Tests that keep every core busy with processes of their own. Beside them, others would run into their time limits. */
const busy = "/test/kill/";

/** The usual order, longest first, but for the busy ones: they come when nothing else is left to run. */
export class BusyTestsLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isBusy = (file: TestSpecification) => file.moduleId.includes(busy);
    return [...sorted.filter((file) => !isBusy(file)), ...sorted.filter(isBusy)];
  }
}
