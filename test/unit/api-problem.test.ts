import { expect, test } from "vitest";
import { problemOf } from "../../src/api/problem.js";
import { BugError, CancelledError, InfraError, SpecError } from "../../src/errors.js";

test.each([
  [new InfraError("infra.unreachable", "x"), 503],
  [new InfraError("infra.connection-lost", "x"), 503],
  [new InfraError("infra.disk-full", "x"), 500],
  [new InfraError("infra.permission", "x"), 500],
  [new InfraError("infra.authentication", "x"), 500],
  [new CancelledError(), 503],
  [new SpecError("refused.target-exists", "x"), 409],
  [new BugError("bug.x", "x"), 500],
])("%s: asking again is offered only where it can help", (error, status) => {
  expect(problemOf(error)).toMatchObject({ status, code: error.code });
});
