import { execFileSync } from "node:child_process";

/** Worker hosts and threads run compiled code, so the tests build it once before anything starts. */
export default function build(): void {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
}
