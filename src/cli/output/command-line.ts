import { basename } from "node:path";
import type { Job } from "../../job.js";
import { passwordInUrl } from "../../spec/secrets.js";

/** How people started this program, so that the commands it suggests can be pasted. */
export function programName(
  script: string,
  environment: { readonly [name: string]: string | undefined },
): string {
  // npm tells its children which of its commands started them; `npx` and `npm run` leave the binary off the PATH.
  if (environment.npm_command !== undefined) return "npx nightshift";
  return basename(script) === "nightshift" ? "nightshift" : shellLine("node", script);
}

/** Quotes what a shell would split or expand. */
function shellWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function shellLine(...words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}

/**
 * Returns the words that run a job for the same interval and variables. A date names the interval that begins with it.
 * @param subject name of the job, or path of its spec
 */
export function runAgain(
  subject: string,
  { interval, vars = {} }: Pick<Job, "interval" | "vars">,
  flag: string,
): string {
  const values = Object.entries(vars).flatMap(([key, value]) => ["--var", `${key}=${value}`]);
  if (interval === null) return shellLine("run", subject, ...values, flag);
  const beginsWithDate = interval.start === `${interval.ds}T00:00:00Z`;
  return shellLine("run", subject, "--at", beginsWithDate ? interval.ds : interval.start, ...values, flag);
}

/** Where the runs are that a suggested command is about, as far as it was said on this command line. */
export function placeWords(state: string | undefined, ledger: string | undefined): readonly string[] {
  return [
    ...(state === undefined ? [] : ["--state", state]),
    // One with a password is better typed by whoever knows it than shown.
    ...(ledger === undefined || passwordInUrl(ledger) !== null ? [] : ["--ledger", ledger]),
  ];
}
