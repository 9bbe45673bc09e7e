// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is how databases are named

import { SpecError } from "../../errors.js";
import type { Connection } from "../../job/connection.js";
import { expandText } from "../../spec/expand-tree-variables.js";
import { connectionUrl } from "../../wiring/resolve-connection.js";
import type { Cli } from "../shell/context.js";

/**
 * A database as it is named on the command line: `${DATABASE_URL}` in quotes, so that no shell and no list of processes sees
 * what is in it, or the URL itself.
 *
 * @throws SpecError `connection.unresolved`, `connection.invalid`
 */
export function connectionHere(
  template: string,
  { cwd, settings, secrets }: Pick<Cli, "cwd" | "settings" | "secrets">,
): Connection {
  const text = expandUrl(template, { cwd, secrets, environment: settings.environment });
  const place = { environment: settings.environment, secrets };
  const { address } = connectionUrl(text, place, "The URL of the database");
  return { template, baseDir: cwd, address };
}

/**
 * Replaces the references of a URL that a user typed: `${NAME}` and `${file:...}`.
 *
 * @throws SpecError `connection.unresolved`
 */
export function expandUrl(
  template: string,
  {
    cwd,
    environment,
    secrets,
  }: Pick<Cli, "cwd" | "secrets"> & { readonly environment: { readonly [name: string]: string | undefined } },
): string {
  if (!template.includes("${")) return template;
  const { text, problem } = expandText(template, { baseDir: cwd, environment, secrets });
  if (problem === null) return text;
  throw new SpecError("connection.unresolved", `The database is not known: ${secrets.mask(problem)}.`, {
    hint: "Set the variables that its URL is made of.",
  });
}
