/** Whether models run here: the engine in a process of its own, since a broken native library takes its process along. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { engineEnvironment } from "../../config.js";
import { asNightshiftError } from "../../errors.js";
import { installLocale } from "../../runtimes/onnx/engine-errors.js";
import { jobFor } from "../../service/jobs.js";
import { counted, duration } from "../../text/human.js";
import { packagedPath } from "../../wiring/packaged.js";
import type { Cli } from "../shell/context.js";
import type { Finding } from "./finding.js";

const locale = "en_US.UTF-8";

/** A model of one StringNormalizer, which loads where the locale is installed. */
const textModel =
  "CAgSADpaCjgKAXgSAXkiEFN0cmluZ05vcm1hbGl6ZXIqHgoSY2FzZV9jaGFuZ2VfYWN0aW9uIgVMT1dFUqABAxIBZ1oQCgF4EgsKCQgIEgUKAxIBTmIJCgF5EgQKAggIQgQKABAR";

const probe = `
  const ort = await import("onnxruntime-node");
  const text = await ort.InferenceSession.create(Buffer.from("${textModel}", "base64"), { logSeverityLevel: 4 })
    .then(() => "", (error) => String(error.message));
  console.log(JSON.stringify({ version: ort.env.versions.node ?? ort.env.versions.common, text }));`;

/** Whether the engine loads, and whether it loads models that work on text. */
export async function checkEngine(): Promise<readonly Finding[]> {
  const check = "ONNX Runtime";
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", probe], {
      cwd: packagedPath("."),
      timeout: 30_000,
      env: engineEnvironment(),
    });
    const { version, text } = JSON.parse(stdout);
    return [{ check, result: "ok", detail: String(version) }, textFinding(String(text))];
  } catch (error) {
    const reason =
      error instanceof Error
        ? (error.message.split("\n").find((line) => /Error|cannot/.test(line)) ?? error.message)
        : String(error);
    return [
      {
        check,
        result: "fail",
        detail: "does not load",
        hint: `${reason.trim()}. Reinstall onnxruntime-node for this platform (glibc 2.28 or newer on Linux).`,
      },
    ];
  }
}

/** @param failure the engine's own words; empty where the model loaded */
function textFinding(failure: string): Finding {
  const check = "text models";
  if (failure === "") return { check, result: "ok", detail: `the locale ${locale} is installed` };
  return {
    check,
    result: "warn",
    detail: `models with StringNormalizer or TfidfVectorizer do not load: no locale ${locale}`,
    hint: installLocale(locale),
  };
}

/** The path that every run takes, end to end: worker host, threads, Parquet and model. */
export async function checkWholePath(cli: Cli): Promise<Finding> {
  const check = "scoring";
  const startedMs = cli.clock.monotonicMs();
  try {
    const [specPath, night] = [packagedPath("jobs/flight-delay.yaml"), "2001-06-11"];
    const { job } = await jobFor({ ...cli, target: null }, specPath, {
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
