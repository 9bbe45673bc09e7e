import { execFileSync } from "node:child_process";

/**
 * Compiles src/ once before any test starts, because worker hosts and threads run compiled code. Types are checked by
 * `npm run check`. With NIGHTSHIFT_TEST_DIST=built the caller has compiled src/ already.
 */
export default function build(): void {
  if (process.env.NIGHTSHIFT_TEST_DIST === "built") return;
  execFileSync("npm", ["run", "--silent", "build", "--", "--no-check"], { stdio: "inherit" });
}
