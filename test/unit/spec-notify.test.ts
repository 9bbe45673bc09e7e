// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
import { afterEach, beforeEach, expect, test } from "vitest";
import { deadlineOf } from "../../src/job/notice.js";
import { makeSpecProject, type SpecProject } from "../support/spec-project.js";

let project: SpecProject;
beforeEach(() => {
  project = makeSpecProject();
});
afterEach(() => project.remove());

const spec = (notify: string, intervals = "intervals: { every: day, timezone: Europe/Berlin }") => `version: 1
name: x
model: model.onnx
input: { from: "in/{{ ds }}.parquet" }
write: { to: out, mode: append }
${intervals}
notify: ${notify}
`;
const environment = { SLACK_URL: "https://hooks.slack.com/services/T0/B0/abcdef", EMPTY: "" };
const load = async (notify: string, intervals?: string) => {
  project.write("jobs/x.yaml", spec(notify, intervals));
  return project.load("jobs/x.yaml", { at: "2026-03-28", environment });
};

test("its URLs are kept out of the job, and masked", async () => {
  const { job, notify, secrets } = await load("{ slack: '${SLACK_URL}', webhook: '${EMPTY:-}' }");
  expect(notify).toEqual({
    events: ["failed", "recovered", "late", "waiting"],
    deadline: null,
    slack: environment.SLACK_URL,
    webhook: null,
  });
  expect(JSON.stringify(job)).not.toContain("slack");
  expect(secrets.mask(`posted to ${environment.SLACK_URL}`)).toBe("posted to ***");
});

test("a deadline is a time after the interval's end, or the next time of day in its zone", async () => {
  const interval = { start: "2026-03-27T23:00:00Z", end: "2026-03-28T23:00:00Z", ds: "2026-03-28" };
  const deadline = async (text: string) => {
    const { notify } = await load(`{ slack: '\${SLACK_URL}', deadline: "${text}" }`);
    return notify?.deadline == null ? null : deadlineOf(notify.deadline, interval).toISOString();
  };
  expect(await deadline("90m")).toBe("2026-03-29T00:30:00.000Z");
  // Clocks in Berlin go forward that night.
  expect(await deadline("06:00")).toBe("2026-03-29T04:00:00.000Z");
  expect(await deadline("00:00")).toBe("2026-03-28T23:00:00.000Z");
});

test.each([
  ["{ slack: 'https://hooks.slack.com/services/T0/B0/abcdef' }", "it is written into the spec"],
  ["{ slack: '${SLACK_UR}' }", "the variable `SLACK_UR` is not set"],
  [
    "{ webhook: '${EMPTY:-https://a.example/b}x y:' , slack: 'ftp://${EMPTY:-host}' }",
    "it does not become a URL of http or https",
  ],
  ["{ deadline: 2h }", "neither `webhook` nor `slack` is given"],
  ["{ slack: '${SLACK_URL}', deadline: tomorrow }", "a deadline is a time after the interval's end"],
  ["{ slak: '${SLACK_URL}' }", "there is no key `slak` here"],
])("%s is a mistake that is shown where it is", async (notify, message) => {
  const failure = await load(notify).then(
    () => null,
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code: "spec.invalid" });
  const { diagnostics } = failure as { readonly diagnostics: readonly { line: number; message: string }[] };
  expect(diagnostics).toMatchObject([{ line: 7, message: expect.stringContaining(message) }]);
  expect(JSON.stringify(diagnostics)).not.toContain("abcdef");
});

test("a deadline without intervals is a mistake", async () => {
  project.write(
    "jobs/x.yaml",
    spec("{ slack: '${SLACK_URL}', deadline: 2h }", "").replace("{{ ds }}", "all"),
  );
  await expect(project.load("jobs/x.yaml", { environment })).rejects.toMatchObject({
    diagnostics: [{ code: "spec.unused-deadline", line: 7 }],
  });
});
