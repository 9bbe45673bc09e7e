import { expect, test } from "vitest";
import { jsonLines } from "../../src/observers/json-lines.js";
import { plainProgress } from "../../src/observers/terminal/plain-progress.js";
import { fakeTime } from "../support/fake-terminal.js";
import { planned, progress, published, runEvent } from "../support/run-events.js";

function plain(lines: "all" | "usual" | "warnings" = "usual") {
  const written: string[] = [];
  const time = fakeTime();
  const observer = plainProgress({ write: (text) => written.push(text), ...time, lines });
  return { observer, time, written: () => written.join("").trimEnd().split("\n") };
}

const started = runEvent({
  type: "run.started",
  job: "flight-delay",
  trigger: "cli",
  interval: null,
  resumed: false,
});

test("writes a line when the state changes and every 30 seconds in between", () => {
  const { observer, time, written } = plain();
  observer.on(started);
  time.pass(2000);
  observer.on(planned);
  for (let seconds = 0; seconds < 65; seconds++) {
    observer.on(progress(20_000 * seconds, { quarantined: seconds > 40 ? 3 : 0 }));
    time.pass(1000);
  }
  observer.on(published);
  time.pass(120_000);
  expect(written()).toEqual([
    "2026-01-15T02:15:00Z run r1 of flight-delay started",
    "2026-01-15T02:15:02Z distance, hour, dow feed float_input, by name",
    "2026-01-15T02:15:02Z warning: 4 threads lowered to 2: row groups take 1.2 GB",
    "2026-01-15T02:15:02Z 3,000,000 rows in 3 files: 12 partitions on 2 threads",
    "2026-01-15T02:15:32Z 580,000 of 3,000,000 rows (19%), 482 k rows/s, 5s left, mostly predict",
    "2026-01-15T02:16:02Z 1,180,000 of 3,000,000 rows (39%), 482 k rows/s, 5s left, 3 quarantined, mostly predict",
    "2026-01-15T02:16:07Z published as publication 7: /data/out",
  ]);
});

test("counts many inputs that are fed alike, and names all of them with -v", () => {
  const odd = "x (float32 [N, 2]) from list column v: as the job says";
  const found = [...Array.from({ length: 14 }, (_, i) => `f${i} from f${i}: by name`), odd];
  const said = (lines: "all" | "usual") => {
    const { observer, written } = plain(lines);
    observer.on(Object.assign({ ...planned }, { found, warnings: [] }));
    return written().map((line) => line.slice("2026-01-15T02:15:00Z ".length));
  };
  const few = ["14 inputs of the model: by name (-v names them)", odd];
  const rows = "3,000,000 rows in 3 files: 12 partitions on 2 threads";
  expect(said("usual")).toEqual([...few, rows]);
  expect(said("all")).toEqual([...few, ...found.slice(0, -1), rows]);
});

test("says that it lives while nothing happens at all", () => {
  const { observer, time, written } = plain();
  observer.on(started);
  time.pass(61_000);
  expect(written().slice(1)).toEqual([
    "2026-01-15T02:15:30Z still planning",
    "2026-01-15T02:16:00Z still planning",
  ]);
});

test("stops writing when closed", async () => {
  const { observer, time, written } = plain();
  observer.on(started);
  await observer.close?.();
  time.pass(120_000);
  expect(written()).toHaveLength(1);
  expect(time.running()).toBe(0);
});

test("json lines are the events themselves, one a line", () => {
  const written: string[] = [];
  const observer = jsonLines((text) => written.push(text));
  observer.on(planned);
  observer.on(published);
  const lines = written.join("").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([planned, published]);
});
