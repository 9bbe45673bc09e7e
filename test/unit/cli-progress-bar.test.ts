import { expect, test } from "vitest";
import { makePaint } from "../../src/cli/output/paint.js";
import { noStats } from "../../src/job/partition.js";
import { progressBar } from "../../src/observers/terminal/progress-bar.js";
import { fakeTerminal, fakeTime } from "../support/fake-terminal.js";
import { planned, progress, published, runEvent } from "../support/run-events.js";

function barOn(columns: number, lines: "all" | "usual" | "warnings" = "usual", label = "") {
  const terminal = fakeTerminal(columns);
  const time = fakeTime();
  const emphasis = makePaint(false);
  const bar = progressBar({ screen: terminal.screen, emphasis, ...time, lines, label });
  return { terminal, time, bar };
}

test("shows at once that it is planning, and for how long", () => {
  const { terminal, time } = barOn(100);
  expect(terminal.seen()).toEqual(["planning  "]);
  time.pass(3400);
  expect(terminal.seen()).toEqual(["planning  3s"]);
});

test("keeps what was found above one line that is redrawn", () => {
  const { terminal, time, bar } = barOn(110);
  bar.on(planned);
  bar.on(progress(1_425_000, { quarantined: 9 }));
  time.pass(100);
  bar.on(progress(1_500_000, { quarantined: 9 }));
  time.pass(100);
  expect(terminal.seen()).toEqual([
    "distance, hour, dow feed float_input, by name",
    "warning: 4 threads lowered to 2: row groups take 1.2 GB",
    "3,000,000 rows in 3 files: 12 partitions on 2 threads",
    "━━━━━━━━━─────────   50%  1,500,000 of 3,000,000 rows  482 k rows/s  5s left  9 quarantined  mostly predict",
  ]);
});

test.each([
  [90, "━━━━━━───────   50%  1,500,000 of 3,000,000 rows  482 k rows/s  5s left  mostly predict"],
  [60, "━━━━━━───────   50%  1,500,000 of 3,000,000 rows  5s left"],
  [40, "━━━━━━━━━━━━━━━────────────────   50%"],
  [12, " 50%"],
])("leaves out the least important parts in %i columns", (columns, line) => {
  const { terminal, time, bar } = barOn(columns, "warnings");
  bar.on(progress(1_500_000));
  time.pass(100);
  expect(terminal.seen().at(-1)).toBe(line);
});

test("never fills the last cells of a line, however narrow the window gets", () => {
  const { terminal, time, bar } = barOn(100);
  bar.on(planned);
  for (let columns = 120; columns > 8; columns--) {
    terminal.columns = columns;
    bar.on(progress(1_000_000 + columns, { quarantined: 1 }));
    time.pass(100);
    expect(terminal.seen().at(-1)?.length).toBeLessThan(columns);
  }
});

test("leaves only what stays when the run ends, and gives the cursor back", () => {
  const { terminal, time, bar } = barOn(100);
  bar.on(planned);
  bar.on(progress(3_000_000));
  expect(terminal.cursorHidden()).toBe(true);
  bar.on(published);
  time.pass(1000);
  expect(terminal.seen().at(-1)).toBe("");
  expect(terminal.cursorHidden()).toBe(false);
});

test("closing in the middle of a run stops drawing and gives the cursor back", async () => {
  const { terminal, time, bar } = barOn(100);
  bar.on(planned);
  await bar.close?.();
  time.pass(1000);
  expect(time.running()).toBe(0);
  expect(terminal.cursorHidden()).toBe(false);
  expect(terminal.seen().at(-1)).toBe("");
});

test("reports what goes wrong on the way, and each partition only when asked", () => {
  const accepted = runEvent({
    type: "partition.accepted",
    partition: 3,
    epoch: 1,
    attemptId: "a",
    stats: noStats,
    rows: { read: 250_000, predicted: 250_000, quarantined: 0, filtered: 0 },
  });
  const died = runEvent({ type: "host.died", reason: "SIGSEGV", cause: "signal", partitions: [3, 4] });
  const usual = barOn(100);
  const all = barOn(100, "all");
  for (const { bar } of [usual, all]) for (const event of [accepted, died]) bar.on(event);
  const warning = "warning: the worker host died (SIGSEGV); partitions 3, 4 run again, alone";
  expect(usual.terminal.seen().slice(0, -1)).toEqual([warning]);
  expect(all.terminal.seen().slice(0, -1)).toEqual(["partition 3 accepted: 250,000 rows", warning]);
});

test("counts accepted partitions if no progress is reported, as from another process", () => {
  const { terminal, time, bar } = barOn(100);
  bar.on(planned);
  bar.on(
    runEvent({
      type: "partition.accepted",
      partition: 0,
      epoch: 1,
      attemptId: "a",
      stats: noStats,
      rows: { read: 1_500_000, predicted: 1_499_999, quarantined: 1, filtered: 0 },
    }),
  );
  time.pass(100);
  expect(terminal.seen().at(-1)).toContain("50%  1,500,000 of 3,000,000 rows  1 quarantined");
});

test("puts a label in front, within the same width", () => {
  const { terminal, time, bar } = barOn(80, "usual", "2001-06-11");
  bar.on(progress(1_500_000));
  time.pass(100);
  const line = terminal.seen().at(-1) ?? "";
  expect(line.startsWith("2001-06-11  ━")).toBe(true);
  expect(line.length).toBeLessThan(80);
});
