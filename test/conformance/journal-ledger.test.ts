import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { journalProcesses } from "../support/journal-processes.js";
import { ledgerConformance } from "./ledger.js";

ledgerConformance("journal", async () => {
  const root = await mkdtemp(join(tmpdir(), "nightshift-journal-"));
  const processes = journalProcesses(join(root, "state"), localFileSystem());
  return {
    startProcess: async (where) => processes.start(where === undefined ? {} : { where }),
    async close() {
      await processes.closeAll();
      await rm(root, { recursive: true });
    },
  };
});
