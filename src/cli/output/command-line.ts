import { basename } from "node:path";
import { passwordInUrl } from "../../spec/secrets.js";
import { shellLine } from "../../text/shell-line.js";

/** How people started this program, so that the commands it suggests can be pasted. */
export function programName(
  script: string,
  environment: { readonly [name: string]: string | undefined },
): string {
  // npm tells its children which of its commands started them; `npx` and `npm run` leave the binary off the PATH.
  if (environment.npm_command !== undefined) return "npx nightshift";
  return basename(script) === "nightshift" ? "nightshift" : shellLine("node", script);
}

/** Where the runs are that a suggested command is about, as far as it was said on this command line. */
export function placeWords(state: string | undefined, ledger: string | undefined): readonly string[] {
  return [
    ...(state === undefined ? [] : ["--state", state]),
    // A URL with a password is not shown: the user has to type it.
    ...(ledger === undefined || passwordInUrl(ledger) !== null ? [] : ["--ledger", ledger]),
  ];
}
