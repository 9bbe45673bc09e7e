/** The paths that there are, as OpenAPI describes them. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  cancelled,
  health,
  job,
  jobPath,
  jobs,
  paused,
  problem,
  readiness,
  runDetail,
  runPath,
  runs,
  runsQuery,
  start,
  started,
  startHeaders,
} from "./schemas.js";

const json = <S extends z.ZodType>(schema: S, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

const failed = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problem } },
});

/** What any request can meet. */
const always = {
  400: failed("Invalid request: unknown keys, or no JSON."),
  401: failed("A token is needed, and was not given or is not right."),
  403: failed("Asked under another host's name, or by a page of another site."),
  500: failed("A bug, or a fault that an operator has to put right: a full disk, a missing privilege."),
  503: failed("The ledger or another server cannot be reached, or the service is stopping."),
};
const posted = {
  ...always,
  409: failed("Its state does not allow it."),
  413: failed("The body is larger than 64 kB."),
  415: failed("It is not application/json."),
};
const unknown = { 404: failed("There is no such job or run.") };

export const healthRoute = createRoute({
  operationId: "getHealth",
  method: "get",
  path: "/healthz",
  summary: "Whether the process answers",
  security: [],
  responses: { 200: json(health, "It does.") },
});

export const readyRoute = createRoute({
  operationId: "getReadiness",
  method: "get",
  path: "/readyz",
  summary: "Whether the ledger and the schedules can be reached, and the service is not stopping",
  security: [],
  responses: { 200: json(readiness, "Ready."), 503: json(readiness, "Not ready.") },
});

export const metricsRoute = createRoute({
  operationId: "getMetrics",
  method: "get",
  path: "/metrics",
  summary: "Metrics for Prometheus",
  responses: {
    200: { description: "Metrics.", content: { "text/plain": { schema: z.string() } } },
    ...always,
  },
});

export const jobsRoute = createRoute({
  operationId: "listJobs",
  method: "get",
  path: "/v1/jobs",
  summary: "Every job: last, next, freshness, and what is wrong with its spec",
  responses: { 200: json(jobs, "In the order of their files."), ...always },
});

export const jobRoute = createRoute({
  operationId: "getJob",
  method: "get",
  path: "/v1/jobs/{job}",
  summary: "One job",
  request: { params: jobPath },
  responses: { 200: json(job, "The job."), ...always, ...unknown },
});

export const runsRoute = createRoute({
  operationId: "listRuns",
  method: "get",
  path: "/v1/runs",
  summary: "Runs, newest first, a page at a time",
  request: { query: runsQuery },
  responses: { 200: json(runs, "A page."), ...always },
});

export const runRoute = createRoute({
  operationId: "getRun",
  method: "get",
  path: "/v1/runs/{id}",
  summary: "One run, with its partitions",
  request: { params: runPath },
  responses: { 200: json(runDetail, "The run."), ...always, ...unknown },
});

export const startRoute = createRoute({
  operationId: "startRun",
  method: "post",
  path: "/v1/jobs/{job}/runs",
  summary: "Start a run, or learn which one there is for the interval",
  description: "May be repeated: an interval has one run, until it is to be reprocessed.",
  request: {
    params: jobPath,
    headers: startHeaders,
    body: { required: true, content: { "application/json": { schema: start } } },
  },
  responses: {
    200: json(started, "There is nothing to do."),
    202: json(started, "Recorded: it is not lost, and begins when there is room."),
    ...posted,
    ...unknown,
    422: failed("The spec is broken, or the input or model is not what it needs."),
  },
});

export const retryRoute = createRoute({
  operationId: "retryRun",
  method: "post",
  path: "/v1/runs/{id}/retry",
  summary: "Resume the unfinished partitions of a run",
  request: { params: runPath },
  responses: { 202: json(started, "It begins when there is room."), ...posted, ...unknown },
});

export const cancelRoute = createRoute({
  operationId: "cancelRun",
  method: "post",
  path: "/v1/runs/{id}/cancel",
  summary: "Cancel a run, whichever process works on it",
  request: { params: runPath },
  responses: {
    200: json(cancelled, "It has ended: by this, or before."),
    202: json(cancelled, "The process that executes it was asked to stop, and stops between chunks."),
    ...posted,
    ...unknown,
  },
});

export const pauseRoute = createRoute({
  operationId: "pauseJob",
  method: "post",
  path: "/v1/jobs/{job}/pause",
  summary: "Pause a job's schedule",
  request: { params: jobPath },
  responses: { 200: json(paused, "It is paused."), ...posted, ...unknown },
});

export const resumeRoute = createRoute({
  operationId: "resumeJob",
  method: "post",
  path: "/v1/jobs/{job}/resume",
  summary: "Resume a job's schedule",
  request: { params: jobPath },
  responses: { 200: json(paused, "It is not paused."), ...posted, ...unknown },
});
