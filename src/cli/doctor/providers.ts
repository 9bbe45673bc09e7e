/** Which execution providers work here, each tried in a worker host: a broken driver takes its process along. */
import { asNightshiftError } from "../../errors.js";
import { providerNames } from "../../job/profile.js";
import type { Cli } from "../shell/context.js";
import type { Finding } from "./finding.js";

const deadlineMs = 60_000;

export async function checkProviders(cli: Cli): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const provider of providerNames) findings.push(await checkProvider(cli, provider));
  return findings;
}

async function checkProvider(cli: Cli, provider: string): Promise<Finding> {
  const check = `provider ${provider}`;
  try {
    const host = await (await cli.app()).host();
    const trial = await host.call("try-provider", { provider }, { deadlineMs });
    if (trial.works) return { check, result: "ok", detail: "models run on it" };
    return { check, result: "off", detail: trial.reason, hint: trial.hint };
  } catch (thrown) {
    const { message } = asNightshiftError(thrown);
    return {
      check,
      result: "warn",
      detail: message,
      hint: "Its driver is broken: update it, or do not use it.",
    };
  }
}
