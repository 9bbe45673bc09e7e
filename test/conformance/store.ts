/** What every store of input files promises: files in one order wherever they lie, their bytes by ranges, and their identity. */
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Store, StoredFile } from "../../src/stores/store.js";
import { failure } from "../support/failure.js";

export interface StorePlace {
  readonly store: Store;
  /** A pattern for a path below a root that is fresh for each test. */
  at(path: string): string;
  /** Puts a file there, in place of one that is there. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  remove(path: string): Promise<void>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export function storeConformance(
  name: string,
  { freshPlace, close }: { freshPlace(): Promise<StorePlace>; close(): Promise<void> },
): void {
  describe(`the store ${name}`, () => {
    let place: StorePlace;
    beforeEach(async () => {
      place = await freshPlace();
    });
    afterAll(close);

    async function put(...paths: readonly string[]): Promise<void> {
      for (const path of paths) await place.write(path, bytesOf(path));
    }

    async function list(pattern: string): Promise<readonly StoredFile[]> {
      const files: StoredFile[] = [];
      for await (const file of place.store.list(place.at(pattern))) files.push(file);
      return files;
    }

    const pathsOf = async (pattern: string) =>
      (await list(pattern)).map(({ path }) => path.slice(place.at("").length).replace(/^\//, ""));

    test("lists a file, with its size", async () => {
      await put("a.parquet");
      expect(await list("a.parquet")).toMatchObject([{ size: 9, pathValues: {} }]);
    });

    test("lists a directory and all below it in byte order of whole paths", async () => {
      await put("d/b.parquet", "d/a/z.parquet", "d/a.parquet", "d/B.parquet", "d/a-1.parquet", "d/ä.parquet");
      const found = await pathsOf("d");
      expect(found).toEqual([...found].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      expect(found).toHaveLength(6);
    });

    test("leaves out names with a leading dot or underscore, but for partitions", async () => {
      await put("d/.x.parquet", "d/_SUCCESS", "d/_tmp/a.parquet", "d/_day=1/a.parquet", "d/a.parquet");
      expect(await pathsOf("d")).toEqual(["d/_day=1/a.parquet", "d/a.parquet"]);
    });

    test.each([
      ["*.parquet", ["a.parquet", "b.parquet"]],
      ["**/c.parquet", ["d/c.parquet", "d/e/c.parquet"]],
      ["d/*/c.parquet", ["d/e/c.parquet"]],
      ["{a,b}.parquet", ["a.parquet", "b.parquet"]],
      ["[b].parquet", ["b.parquet"]],
      ["d/?", ["d/e/c.parquet"]],
    ])("matches %s", async (pattern, expected) => {
      await put("a.parquet", "b.parquet", "c.txt", "d/c.parquet", "d/e/c.parquet");
      expect(await pathsOf(pattern)).toEqual(expected);
    });

    test("reads the values of a path's directories, decoded, in their order", async () => {
      await put("t/dt=2026-01-15/region=S%C3%A3o%20Paulo/a.parquet");
      const [file] = await list("t");
      expect(Object.entries(file?.pathValues ?? {})).toEqual([
        ["dt", "2026-01-15"],
        ["region", "São Paulo"],
      ]);
    });

    test.each(["none.parquet", "none/*.parquet", "d/*.none"])(
      "says that nothing matches %s",
      async (pattern) => {
        await put("d/a.parquet");
        expect(await failure(list(pattern))).toMatchObject({ code: "source.not-found", kind: "spec" });
      },
    );

    test("gives the bytes of ranges, and counts them", async () => {
      await place.write(
        "a.bin",
        Uint8Array.from({ length: 1000 }, (_, i) => i % 251),
      );
      const [file] = await list("a.bin");
      const handle = await place.store.open(file?.path ?? "");
      expect(handle.size).toBe(1000);
      for (const [start, end] of [
        [0, 1000],
        [990, 1000],
        [251, 253],
        [500, 500],
      ] as const) {
        const bytes = await handle.read(start, end);
        expect([...bytes]).toEqual(Array.from({ length: end - start }, (_, i) => (start + i) % 251));
        if (handle.readSync !== undefined) expect(Buffer.compare(handle.readSync(start, end), bytes)).toBe(0);
      }
      expect(handle.bytesRead).toBeGreaterThanOrEqual(1012);
      await handle.close();
    });

    test("reads no bytes beyond the end as if they were there", async () => {
      await put("a.parquet");
      const handle = await place.store.open((await list("a.parquet"))[0]?.path ?? "");
      const beyond = await handle.read(5, 50).then(
        (bytes) => bytes.byteLength,
        () => "refused",
      );
      expect([4, "refused"]).toContain(beyond);
      await handle.close();
    });

    test("has the same identity for what was not changed, and another for what was", async () => {
      await put("a.parquet");
      const [listed] = await list("a.parquet");
      const path = listed?.path ?? "";
      expect(await place.store.stat(path)).toMatchObject(identityOf(listed) ?? {});
      await place.write("a.parquet", bytesOf("b.parquet"));
      expect(identityOf(await place.store.stat(path))).not.toEqual(identityOf(listed));
      await place.remove("a.parquet");
      expect(await place.store.stat(path)).toBeNull();
    });

    test("opens nothing that is not there", async () => {
      expect((await failure(place.store.open(place.at("none.parquet")))).code).toMatch(/^(source|infra)\./);
    });

    test("names what a directory holds, hidden entries, too", async () => {
      await put("d/.hidden", "d/_delta_log/0.json", "d/a.parquet");
      expect([...((await place.store.names(place.at("d"))) ?? [])].sort()).toEqual([
        ".hidden",
        "_delta_log",
        "a.parquet",
      ]);
      expect(await place.store.names(place.at("none"))).toBeNull();
    });
  });
}

function identityOf(file: StoredFile | null | undefined) {
  if (file == null) return null;
  const { size, inode, mtimeNs, ctimeNs } = file;
  return { size, inode, mtimeNs, ctimeNs };
}
