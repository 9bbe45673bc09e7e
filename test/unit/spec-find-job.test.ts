import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findJob, listJobs } from "../../src/spec/find-job.js";
import { jobText, makeSpecProject, type SpecProject } from "../support/spec-project.js";

let project: SpecProject;
beforeEach(() => {
  project = makeSpecProject();
  project.write("jobs/flights.yaml", jobText("intervals: { every: day }"));
  project.write("jobs/team/churn.yml", jobText("name: churn-weekly"));
  project.write("jobs/broken.yaml", "a: [");
  project.write("jobs/notes.txt", "no job");
  project.write("elsewhere/deep/x.yaml", jobText());
});
afterEach(() => project.remove());

describe("a job", () => {
  it.each([
    ["flights", "", "jobs/flights.yaml"],
    ["flights", "elsewhere/deep", "jobs/flights.yaml"],
    ["churn", "", "jobs/team/churn.yml"],
    ["churn-weekly", "", "jobs/team/churn.yml"],
    ["broken", "", "jobs/broken.yaml"],
    ["x.yaml", "elsewhere/deep", "elsewhere/deep/x.yaml"],
    ["elsewhere/deep/x.yaml", "", "elsewhere/deep/x.yaml"],
  ])("%s from %j is %s", async (name, from, path) => {
    expect(await findJob(name, join(project.root, from))).toBe(join(project.root, path));
  });

  it.each([
    ["fligths", "did you mean `flights`?"],
    ["x", "there is broken, flights, churn-weekly, churn"],
    ["jobs/fligths.yaml", "did you mean `jobs/flights.yaml`?"],
    ["nowhere/x.yaml", "list the jobs with `nightshift ls jobs`"],
  ])("%s is not there", async (name, hint) => {
    await expect(findJob(name, project.root)).rejects.toMatchObject({ code: "spec.not-found", hint });
  });

  it("cannot be found by name where there is no jobs folder", async () => {
    const empty = makeSpecProject();
    await expect(findJob("flights", empty.root)).rejects.toMatchObject({
      hint: "write jobs into a `jobs` folder, or name a spec by its path",
    });
    expect(await listJobs(empty.root)).toEqual([]);
    empty.remove();
  });
});

it("lists every job with what its spec says, broken ones too", async () => {
  expect(await listJobs(join(project.root, "elsewhere"))).toEqual([
    {
      name: "broken",
      path: join(project.root, "jobs/broken.yaml"),
      model: null,
      to: null,
      every: null,
      schedule: null,
      after: [],
      error: expect.any(String),
    },
    {
      name: "flights",
      path: join(project.root, "jobs/flights.yaml"),
      model: "model.onnx",
      to: "out",
      every: "day",
      schedule: null,
      after: [],
      error: null,
    },
    {
      name: "churn-weekly",
      path: join(project.root, "jobs/team/churn.yml"),
      model: "model.onnx",
      to: "out",
      every: null,
      schedule: null,
      after: [],
      error: null,
    },
  ]);
});
