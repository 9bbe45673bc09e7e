import { execFileSync } from "node:child_process";

/**
 * Worker hosts and threads run compiled code, so the tests build it once before anything starts. Types are no business of
 * theirs: `npm run check` looks at them.
 */
export default function build(): void {
  execFileSync("npm", ["run", "--silent", "build", "--", "--no-check"], { stdio: "inherit" });
}
