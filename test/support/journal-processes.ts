/** Process identities for one journal: they live, die and sit on other hosts as a test says. */

import type { Owner } from "../../src/job/run.js";
import { journalLedger } from "../../src/ledgers/journal/journal-ledger.js";
import type { Ledger } from "../../src/ledgers/ledger.js";
import type { FileSystem } from "../../src/stores/file-system.js";
import type { Clock } from "../../src/time/clock.js";

export interface TestProcess {
  readonly ledger: Ledger;
  readonly owner: Owner;
  die(): Promise<void>;
}

export interface JournalProcesses {
  start(options?: { readonly where?: "here" | "elsewhere"; readonly fileSystem?: FileSystem }): TestProcess;
  closeAll(): Promise<void>;
}

export const systemClock: Clock = { now: () => new Date(), monotonicMs: () => performance.now() };

let nextPid = 1000;

export function journalProcesses(
  stateDir: string,
  fileSystem: FileSystem,
  clock = systemClock,
): JournalProcesses {
  const living = new Set<number>();
  const ledgers: Ledger[] = [];
  return {
    start({ where = "here", fileSystem: own = fileSystem } = {}) {
      const pid = nextPid++;
      living.add(pid);
      const owner: Owner = {
        pid,
        processStart: String(pid * 100),
        bootId: "boot",
        host: where === "here" ? "this-host" : "far-host",
      };
      const ledger = journalLedger({
        stateDir,
        fileSystem: own,
        clock,
        processes: {
          self: () => owner,
          isAlive: (other) => {
            if (other.host !== owner.host) return "other-host";
            return living.has(other.pid) ? "alive" : "dead";
          },
        },
      });
      ledgers.push(ledger);
      return {
        ledger,
        owner,
        async die() {
          living.delete(pid);
        },
      };
    },
    async closeAll() {
      await Promise.all(ledgers.map((ledger) => ledger.close()));
    },
  };
}
