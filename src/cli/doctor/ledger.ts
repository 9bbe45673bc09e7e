import { asNightshiftError } from "../../errors.js";
import type { Cli } from "../shell/context.js";
import type { Finding } from "./finding.js";

/** The database that `--ledger` names: it answers, lets this role in, and has the tables of this version. */
export async function checkLedger(cli: Cli): Promise<Finding> {
  const check = "ledger";
  try {
    const ledger = await (await cli.app()).ledger();
    for await (const _ of ledger.listRuns()) break;
    return { check, result: "ok", detail: ledger.place };
  } catch (thrown) {
    const { message, hint } = asNightshiftError(thrown);
    return { check, result: "fail", detail: message, ...(hint === undefined ? {} : { hint }) };
  }
}
