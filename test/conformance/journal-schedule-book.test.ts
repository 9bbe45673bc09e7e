import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scheduleBook } from "../../src/ledgers/journal/schedule-book.js";
import { localFileSystem } from "../../src/stores/local/local-file-system.js";
import { newUuid } from "../../src/wiring/system-clock.js";
import { scheduleBookConformance } from "./schedule-book.js";

scheduleBookConformance("journal", async () => {
  const stateDir = mkdtempSync(join(tmpdir(), "nightshift-book-"));
  return {
    open: async (isAlive) =>
      scheduleBook({ stateDir, fileSystem: localFileSystem(), uniqueName: newUuid, isAlive }),
    close: async () => rmSync(stateDir, { recursive: true }),
  };
});
