/** Whether models run here: the engine in a process of its own, since a broken native library takes its process along. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { asNightshiftError } from "../../errors.js";
import { counted, duration } from "../../text/human.js";
import { jobFor } from "../lookup/jobs.js";
import { packagedPath } from "../lookup/packaged.js";
import type { Cli } from "../shell/context.js";
import type { Finding } from "./finding.js";

const probe = `
  const ort = await import("onnxruntime-node");
  console.log(ort.env.versions.node ?? ort.env.versions.common);`;

export async function checkEngine(): Promise<Finding> {
  const check = "ONNX Runtime";
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", probe], {
      cwd: packagedPath("."),
      timeout: 30_000,
    });
    return { check, result: "ok", detail: stdout.trim() };
  } catch (error) {
    const reason =
      error instanceof Error
        ? (error.message.split("\n").find((line) => /Error|cannot/.test(line)) ?? error.message)
        : String(error);
    return {
      check,
      result: "fail",
      detail: "does not load",
      hint: `${reason.trim()}. Reinstall onnxruntime-node for this platform (glibc 2.28 or newer on Linux).`,
    };
  }
}

/** The path that every run takes, end to end: worker host, threads, Parquet and model. */
export async function checkWholePath(cli: Cli): Promise<Finding> {
  const check = "scoring";
  const startedMs = cli.clock.monotonicMs();
  try {
    const [specPath, night] = [packagedPath("jobs/flight-delay.yaml"), "2001-06-11"];
    const { job } = await jobFor({ ...cli, globals: { ...cli.globals, target: null } }, specPath, {
      at: night,
    });
    const host = await (await cli.app()).host();
    const { rows } = await host.call("preview", { job, guess: false, limit: 10 });
    const seconds = (cli.clock.monotonicMs() - startedMs) / 1000;
    return {
      check,
      result: "ok",
      detail: `${counted(rows.length, "row")} in a worker host, ${duration(seconds)}`,
    };
  } catch (thrown) {
    const { message, hint } = asNightshiftError(thrown);
    return { check, result: "fail", detail: message, ...(hint === undefined ? {} : { hint }) };
  }
}
