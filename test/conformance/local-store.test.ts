import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { localStore } from "../../src/stores/local/local-store.js";
import { storeConformance } from "./store.js";

const root = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-store-")));
let places = 0;

storeConformance("of local files", {
  async freshPlace() {
    const place = join(root, String(places++));
    mkdirSync(place);
    return {
      store: localStore(),
      at: (path) => join(place, path),
      async write(path, bytes) {
        const full = join(place, path);
        mkdirSync(dirname(full), { recursive: true });
        // A writer that does it right.
        writeFileSync(`${full}.new`, bytes);
        renameSync(`${full}.new`, full);
      },
      remove: async (path) => rmSync(join(place, path)),
    };
  },
  close: async () => rmSync(root, { recursive: true }),
});
