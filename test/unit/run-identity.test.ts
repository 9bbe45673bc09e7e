import { expect, test } from "vitest";
import { fingerprintOf } from "../../src/running/run-identity.js";
import { jobWith } from "../support/jobs.js";

const of = (parts: Parameters<typeof jobWith>[0]): string => fingerprintOf(jobWith(parts), [], "inputs");

test("who does it, and with how much, is no part of a fingerprint", () => {
  const { limits } = jobWith();
  expect(of({ runsOn: "gpu" })).toBe(of({}));
  expect(of({ limits: { ...limits, maxAttempts: 9, threads: 4 } })).toBe(of({}));
});

test("what shapes predictions is", () => {
  expect(of({ engine: "onnxruntime" })).not.toBe(of({}));
  expect(of({ providers: ["cuda"] })).not.toBe(of({}));
});
