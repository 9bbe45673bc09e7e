/** Unfinished backfills, one file each, beside the runs: `<stateDir>/backfills/<key>.json`. */

import { InfraError } from "../../errors.js";
import type { FileSystem } from "../../stores/file-system.js";
import type { BackfillStore, Baseline } from "../backfill-store.js";
import { makeDurableDirectory } from "./durable-directory.js";
import { decodeTerminatedLine, encodeLine } from "./line.js";

export interface BookPlace {
  readonly stateDir: string;
  readonly fileSystem: FileSystem;
  /** Returns a name that no process has used before. */
  readonly uniqueName: () => string;
}

export function backfillStore({ stateDir, fileSystem, uniqueName }: BookPlace): BackfillStore {
  const directory = `${stateDir}/backfills`;
  const pathOf = (key: string): string => `${directory}/${key}.json`;

  async function read(key: string): Promise<Baseline | null> {
    const bytes = await fileSystem.readFile(pathOf(key));
    if (bytes === null) return null;
    const body = decodeTerminatedLine(bytes);
    if (body?.v === 1) return body.baseline as Baseline;
    throw new InfraError("infra.journal-corrupt", `${pathOf(key)} is damaged or from a newer version`, {
      hint: "Remove it: the backfill it belongs to then scores its intervals again.",
    });
  }

  return {
    read,
    async begin(key, baseline) {
      await makeDurableDirectory(fileSystem, directory);
      const finished = `${directory}/${uniqueName()}.tmp`;
      await fileSystem.writeFile(finished, encodeLine({ v: 1, baseline }));
      await fileSystem.link(finished, pathOf(key));
      await fileSystem.unlink(finished);
      await fileSystem.syncDirectory(directory);
      return (await read(key)) ?? baseline;
    },
    async finish(key) {
      await fileSystem.unlink(pathOf(key));
      if ((await fileSystem.stat(directory)) !== null) await fileSystem.syncDirectory(directory);
    },
  };
}
