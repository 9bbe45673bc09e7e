/** Sent notices, one file each, beside the runs: `<stateDir>/notices/<digest>`. */
import { createHash } from "node:crypto";
import type { NoticeStore } from "../notice-store.js";
import type { BookPlace } from "./backfill-store.js";
import { makeDurableDirectory } from "./durable-directory.js";

export function noticeStore({ stateDir, fileSystem, uniqueName }: BookPlace): NoticeStore {
  const directory = `${stateDir}/notices`;
  return {
    async claim(text) {
      await makeDurableDirectory(fileSystem, directory);
      const scratch = `${directory}/${uniqueName()}.tmp`;
      // The text is only for operators who look into the file.
      await fileSystem.writeFile(scratch, `${text}\n`);
      const digest = createHash("sha256").update(text).digest("hex").slice(0, 32);
      const outcome = await fileSystem.link(scratch, `${directory}/${digest}`);
      await fileSystem.unlink(scratch);
      await fileSystem.syncDirectory(directory);
      return outcome === "linked";
    },
  };
}
