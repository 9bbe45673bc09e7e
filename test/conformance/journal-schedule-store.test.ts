import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scheduleStore } from "../../src/ledgers/journal/schedule-store.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { scheduleBookConformance } from "./schedule-store.js";

scheduleBookConformance("journal", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "nightshift-store-"));
  return {
    open: async (isAlive) =>
      scheduleStore({ stateDir, fileSystem: localFileSystem(), uniqueName: newUuid, isAlive }),
    close: async () => rmSync(stateDir, { recursive: true }),
  };
});
