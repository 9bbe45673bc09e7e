/** The HTTP interface: guards, routes, and every error as a problem document. The service answers. */
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { secureHeaders } from "hono/secure-headers";
import { asNightshiftError, SpecError } from "../errors.js";
import type { ServiceRequests } from "../service/requests.js";
import { refuseStrangers } from "./guard.js";
import { describeApi } from "./openapi.js";
import { badRequest, problemOf } from "./problem.js";
import * as routes from "./routes.js";
import type { RunView } from "./schemas.js";
import { jobView, runDetail, runView } from "./views.js";

/** What `GET /metrics` answers. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

export interface ApiParts {
  readonly requests: ServiceRequests;
  /** Paths are shown relative to it. */
  readonly cwd: string;
  /** Returns what Prometheus scrapes. */
  readonly metrics: () => Promise<MetricsText>;
  /** `null`: for the loopback alone. */
  readonly token: string | null;
  /**
   * Hides secrets in all outgoing text.
   * @param known words of the client: what stands in them is not hidden, since that would tell a right guess from a wrong one
   */
  readonly mask: (text: string, known?: readonly string[]) => string;
  /** Stopping: nothing new is started. */
  readonly isDraining: () => boolean;
  /** Called with unexpected errors, for the service's log. */
  readonly onBug: (error: Error) => void;
}

const maxBodyBytes = 64 * 1024;

export function apiApp(parts: ApiParts): OpenAPIHono {
  const { requests, cwd, token, isDraining } = parts;
  const app = new OpenAPIHono({
    defaultHook: (result) => {
      if (!result.success) throw badRequest(mistakesOf(result.target, result.error.issues));
    },
  });
  app.onError((thrown, context) => answerProblem(asOurs(thrown), context, parts));
  app.notFound((context) => {
    const methods = methodsAt(app, context.req.path);
    if (methods.length === 0) return answerProblem(notFound(context), context, parts);
    context.header("allow", methods.join(", "));
    return answerProblem(otherMethod(context, methods), context, parts);
  });

  // The proxy that speaks TLS decides about Strict-Transport-Security.
  app.use(secureHeaders({ strictTransportSecurity: false }));
  app.use(async (context, next) => {
    await next();
    // What is true of runs now may not be a minute from now.
    context.header("cache-control", "no-store");
  });
  app.use(async ({ req }, next) => {
    refuseStrangers({ method: req.method, path: req.path, header: (name) => req.header(name) }, token);
    if (isDraining() && req.method === "POST") throw draining();
    await next();
  });
  app.use(bodyLimit({ maxSize: maxBodyBytes, onError: () => Promise.reject(tooLarge()) }));

  const mask: ApiParts["mask"] = (text, known = []) => parts.mask(text, withoutToken(known, token));
  const told = <T>(view: T): T => masked(view, (text) => parts.mask(text));
  // A run shows what it was given, and where that leads.
  const toldOfRun = <T extends Pick<RunView, "vars">>(view: T): T => {
    const given = Object.values(view.vars).map(String);
    return masked(view, (text) => mask(text, given));
  };
  app.openapi(routes.healthRoute, (context) => context.json({ status: "ok" } as const, 200));
  app.openapi(routes.readyRoute, async (context) => {
    const readiness = await requests.ready();
    const status = isDraining() ? "draining" : readiness.status;
    return context.json({ ...readiness, status }, status === "ready" ? 200 : 503);
  });
  app.openapi(routes.metricsRoute, async (context) => {
    const { contentType, body } = await parts.metrics();
    return context.text(body, 200, { "content-type": contentType });
  });

  app.openapi(routes.jobsRoute, async (context) =>
    context.json(told({ jobs: (await requests.jobs()).map((each) => jobView(each, cwd)) }), 200),
  );
  app.openapi(routes.jobRoute, async (context) =>
    context.json(told(jobView(await requests.job(context.req.valid("param").job), cwd)), 200),
  );
  app.openapi(routes.runsRoute, async (context) => {
    const { runs, next } = await requests.runs(context.req.valid("query"));
    return context.json({ runs: runs.map((each) => toldOfRun(runView(each))), next }, 200);
  });
  app.openapi(routes.runRoute, async (context) =>
    context.json(toldOfRun(runDetail(await requests.run(context.req.valid("param").id))), 200),
  );

  app.openapi(routes.startRoute, async (context) => {
    const started = await requests.start(context.req.valid("param").job, context.req.valid("json"), {
      idempotencyKey: context.req.valid("header")["idempotency-key"] ?? null,
      signal: context.req.raw.signal,
    });
    context.header("location", `/v1/runs/${started.run}`);
    return context.json(told(started), started.outcome === "already-published" ? 200 : 202);
  });
  app.openapi(routes.retryRoute, async (context) => {
    await refuseFields(context);
    return context.json(told(await requests.retry(context.req.valid("param").id)), 202);
  });
  app.openapi(routes.cancelRoute, async (context) => {
    await refuseFields(context);
    const cancelled = await requests.cancel(context.req.valid("param").id, context.req.raw.signal);
    return context.json(told(cancelled), cancelled.outcome === "not-stopped" ? 202 : 200);
  });
  app.openapi(routes.pauseRoute, async (context) => {
    await refuseFields(context);
    const { job } = context.req.valid("param");
    return context.json(told({ job, paused: true, changed: await requests.pause(job) }), 200);
  });
  app.openapi(routes.resumeRoute, async (context) => {
    await refuseFields(context);
    const { job } = context.req.valid("param");
    return context.json(told({ job, paused: false, changed: await requests.resume(job) }), 200);
  });

  app.get("/openapi.json", (context) => context.json(describeApi()));
  return app;
}

async function answerProblem(error: Error, context: Context, parts: ApiParts): Promise<Response> {
  const { mask, onBug, token } = parts;
  const problem = problemOf(error);
  if (problem.code === "bug") onBug(error);
  const known = isOfRequest(problem.status) ? withoutToken(await wordsOf(context), token) : [];
  const body = JSON.stringify(masked(problem, (text) => mask(text, known)));
  return context.body(body, problem.status as 500, {
    "content-type": "application/problem+json",
    ...(problem.status === 401 ? { "www-authenticate": "Bearer" } : {}),
    ...(problem.code === "api.draining" ? { "retry-after": "30" } : {}),
    // The rest of what is too large is not waited for.
    ...(problem.status === 413 ? { connection: "close" } : {}),
  });
}

/** The token need not be masked: no response contains it, and an authorised client knows it. */
function withoutToken(words: readonly string[], token: string | null): readonly string[] {
  return token === null ? words : words.filter((word) => !word.includes(token));
}

/** Whether a problem may repeat words of the request. The body of one that was refused at the door is not read. */
function isOfRequest(status: number): boolean {
  return [400, 404, 405, 409, 422].includes(status);
}

/** What a client wrote, in any form that an answer may repeat it in. */
async function wordsOf({ req }: Context): Promise<readonly string[]> {
  const { pathname, searchParams } = new URL(req.url);
  const body = req.method === "POST" ? await req.text().catch(() => "") : "";
  const words = [pathname, ...pathname.split("/").map(decoded), ...[...searchParams].flat(), body];
  return [...words, ...stringsIn(parsed(body))];
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function stringsIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return typeof value === "string" ? [value] : [];
  return [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(stringsIn)];
}

/** The framework's own refusals as ours. */
function asOurs(thrown: Error): Error {
  if (!(thrown instanceof HTTPException)) return asNightshiftError(thrown);
  if (thrown.status === 413) return tooLarge();
  if (thrown.status === 415) return new SpecError("api.media-type", "POST takes application/json");
  return badRequest("the body is not JSON", "Send a JSON object, {} where there is nothing to say.");
}

/** Bodies of requests that have nothing to say; what is written and not read would be a promise not kept. */
async function refuseFields({ req }: Context): Promise<void> {
  const text = (await req.text()).trim();
  if (text !== "" && !/^\{\s*\}$/.test(text)) throw badRequest("this request has no fields", "Send {}.");
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** @param target `json`, `query`, `param` or `header` */
function mistakesOf(target: string, issues: readonly Issue[]): string {
  const place = target === "json" ? "body" : target === "param" ? "path" : target;
  const texts = issues.map(({ path, message }) => [...path.map(String), message].join(": "));
  return `invalid request ${place}: ${texts.slice(0, 10).join("; ").slice(0, 1000)}`;
}

function notFound({ req }: Context): SpecError {
  return new SpecError("api.not-found", `there is no ${req.method} ${req.path.slice(0, 200)}`, {
    hint: "GET /openapi.json tells what there is.",
  });
}

/** Returns the methods of a path; empty if the path does not exist. */
function methodsAt(app: OpenAPIHono, path: string): readonly string[] {
  const methods = app.routes
    .filter(({ method, path: template }) => method !== "ALL" && isAt(template, path))
    .map(({ method }) => method);
  return [...new Set(methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])))];
}

function isAt(template: string, path: string): boolean {
  const [steps, asked] = [template.split("/"), path.split("/")];
  return (
    steps.length === asked.length &&
    steps.every((step, index) => (step.startsWith(":") ? asked[index] !== "" : step === asked[index]))
  );
}

function otherMethod({ req }: Context, methods: readonly string[]): SpecError {
  return new SpecError("api.method", `${req.path.slice(0, 200)} takes no ${req.method}`, {
    hint: `It takes ${methods.join(" and ")}.`,
  });
}

function tooLarge(): SpecError {
  return new SpecError("api.too-large", `the body is larger than ${maxBodyBytes / 1024} kB`);
}

function draining(): SpecError {
  return new SpecError("api.draining", "this service is stopping, and starts nothing any more", {
    hint: "Ask again in a while, or another service of the same ledger.",
  });
}

function masked<T>(value: T, mask: (text: string) => string): T {
  if (typeof value === "string") return mask(value) as T;
  if (Array.isArray(value)) return value.map((item) => masked(item, mask)) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item, mask)])) as T;
}
