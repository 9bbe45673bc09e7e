/** Errors as RFC 9457 has them: what and where, what to do, and nothing of how we came by it. */
import { asNightshiftError, type NightshiftError, SpecError } from "../errors.js";

export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly detail: string;
  readonly hint?: string;
}

const titles: { readonly [status: number]: string } = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

const byCode: { readonly [code: string]: number } = {
  "api.unauthorized": 401,
  "api.forbidden": 403,
  "api.not-found": 404,
  "api.method": 405,
  "api.too-large": 413,
  "api.media-type": 415,
  "api.key-reused": 422,
  "api.draining": 503,
  "usage.unknown-run": 404,
  "refused.unknown-run": 404,
  "refused.run-id": 404,
  "spec.not-found": 404,
  "usage.no-schedule": 409,
  // Asking again changes nothing.
  "infra.name-too-long": 422,
};

export function problemOf(thrown: unknown): Problem {
  const error = asNightshiftError(thrown);
  const status = statusOf(error);
  const title = titles[status] ?? "Error";
  // What was not foreseen may say anything: the service's own log has it.
  if (error.kind === "bug")
    return {
      status,
      title,
      code: error.code,
      detail: "Something went wrong in Nightshift; its log says what.",
    };
  const { code, message: detail, hint } = error;
  return { status, title, code, detail, ...(hint === undefined ? {} : { hint }) };
}

function statusOf({ kind, code, retryable }: NightshiftError): number {
  const known = byCode[code];
  if (known !== undefined) return known;
  if (code.startsWith("refused.")) return 409;
  switch (kind) {
    case "spec":
      return code.startsWith("usage.") || code.startsWith("api.") ? 400 : 422;
    case "data":
    case "model":
      return 422;
    case "infra":
      return retryable ? 503 : 500;
    case "cancelled":
      return 503;
    case "bug":
      return 500;
  }
}

/** Of a request that cannot be understood. */
export function badRequest(message: string, hint?: string): SpecError {
  return new SpecError("api.bad-request", message, hint === undefined ? {} : { hint });
}
