import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InfraError } from "../../src/errors.js";
import { journalProcesses } from "../support/journal-processes.js";
import { nodeFileSystem } from "../support/node-file-system.mjs";
import { ledgerConformance } from "./ledger.js";

ledgerConformance("journal", async () => {
  const root = await mkdtemp(join(tmpdir(), "nightshift-journal-"));
  const processes = journalProcesses(join(root, "state"), nodeFileSystem(InfraError));
  return {
    startProcess: async (where) => processes.start(where === undefined ? {} : { where }),
    async close() {
      await processes.closeAll();
      await rm(root, { recursive: true });
    },
  };
});
