/** Who may ask: checked before anything of a request is read. */
import { createHash, timingSafeEqual } from "node:crypto";
import { SpecError } from "../errors.js";
import { hostnameOf, isLoopback } from "../http/hosts.js";

export interface Asked {
  readonly method: string;
  readonly path: string;
  header(name: string): string | undefined;
}

/** Open without a token: these responses reveal nothing, and probes have no secrets. */
const open: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/**
 * @param token `null`: every client on this machine's loopback is allowed, except web pages in a browser
 * @throws SpecError `api.unauthorized`, `api.forbidden`, `api.media-type`
 */
export function refuseStrangers(asked: Asked, token: string | null): void {
  if (token === null) refuseOtherHost(asked);
  refuseOtherSite(asked);
  if (token !== null && !open.has(asked.path)) refuseWithout(token, asked.header("authorization"));
  // A page of another site can send anything else without asking first.
  if (asked.method === "POST" && mediaType(asked) !== "application/json")
    throw new SpecError("api.media-type", "POST takes application/json", {
      hint: "Send the header Content-Type: application/json.",
    });
}

/** A foreign host name that resolves to 127.0.0.1 still appears in the Host header. */
function refuseOtherHost(asked: Asked): void {
  const host = asked.header("host") ?? "";
  if (isLoopback(hostnameOf(host))) return;
  throw new SpecError(
    "api.forbidden",
    `this service answers as localhost, and was asked as ${printable(host)}`,
    {
      hint: "Ask http://127.0.0.1 or http://localhost; under other names it needs a token.",
    },
  );
}

/** Browsers say which site a request comes from. */
function refuseOtherSite(asked: Asked): void {
  const site = asked.header("sec-fetch-site");
  const origin = asked.header("origin");
  const isOurs = origin === undefined || originHost(origin) === asked.header("host");
  if (isOurs && (site === undefined || site === "same-origin" || site === "none")) return;
  throw new SpecError("api.forbidden", "pages of other sites may not use this service", {
    hint: "Ask it from a program, not from a page of another site.",
  });
}

function refuseWithout(token: string, authorization: string | undefined): void {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (given !== undefined && isEqual(given, token)) return;
  throw new SpecError(
    "api.unauthorized",
    given === undefined ? "a token is needed" : "the token is not right",
    {
      hint: "Send the header Authorization: Bearer with the service's token (NIGHTSHIFT_API_TOKEN).",
    },
  );
}

/** In the same time, however much of it is right. */
function isEqual(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function mediaType(asked: Asked): string {
  return (asked.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function originHost(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
