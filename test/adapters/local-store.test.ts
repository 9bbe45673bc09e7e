import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { localStore } from "../../src/stores/local/local-store.js";
import type { StoredFile } from "../../src/stores/store.js";
import { failure } from "../support/failure.js";
import { asNobody } from "../support/places.js";

const store = localStore();
let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "nightshift-store-")));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(...paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), path);
  }
}

async function files(pattern: string): Promise<readonly StoredFile[]> {
  const found: StoredFile[] = [];
  for await (const file of store.list(join(root, pattern))) found.push(file);
  return found;
}

async function names(pattern: string): Promise<readonly string[]> {
  return (await files(pattern)).map((file) => relative(root, file.path));
}

describe("a listing", () => {
  it("of a file is that file, with its identity", async () => {
    put("a.parquet");
    const [file] = await files("a.parquet");
    expect(file).toEqual({
      path: join(root, "a.parquet"),
      listedAs: join(root, "a.parquet"),
      size: 9,
      inode: expect.stringMatching(/^\d+$/),
      mtimeNs: expect.stringMatching(/^\d{19}$/),
      ctimeNs: expect.stringMatching(/^\d{19}$/),
      pathValues: {},
    });
    expect(await store.stat(join(root, "a.parquet"))).toEqual(file);
  });

  it("of a directory is all files below in byte order of their paths, but hidden and underscore names", async () => {
    put(
      "d/b/2",
      "d/b-c",
      "d/a",
      "d/b/1",
      "d/Z",
      "d/ä",
      "d/.hidden",
      "d/_SUCCESS",
      "d/_delta_log/0.json",
      "d/.tmp/x",
      "d/b/_x",
    );
    expect(await names("d")).toEqual(["d/Z", "d/a", "d/b-c", "d/b/1", "d/b/2", "d/ä"]);
    expect(await names("d/")).toEqual(await names("d"));
  });

  it("of a glob is what matches, and a directory that matches stands for its files", async () => {
    put("d/x1.parquet", "d/x2.parquet", "d/x.csv", "d/sub/x3.parquet", "d/dt=1/a", "d/dt=2/deep/b");
    expect(await names("d/*.parquet")).toEqual(["d/x1.parquet", "d/x2.parquet"]);
    expect(await names("d/**/*.parquet")).toEqual(["d/sub/x3.parquet", "d/x1.parquet", "d/x2.parquet"]);
    expect(await names("d/x{1,9}.parquet")).toEqual(["d/x1.parquet"]);
    expect(await names("d/{sub,dt=1}/*")).toEqual(["d/dt=1/a", "d/sub/x3.parquet"]);
    expect(await names("d/dt=*")).toEqual(["d/dt=1/a", "d/dt=2/deep/b"]);
    expect(await names("d/x?.parquet")).toEqual(["d/x1.parquet", "d/x2.parquet"]);
  });

  it("takes a name with wildcards for itself where it is there", async () => {
    put("a[1].parquet", "a1.parquet");
    expect(await names("a[1].parquet")).toEqual(["a[1].parquet"]);
  });

  it.each(["flights (copy)", "{a,b}", "[1]", "a*", "!x"])(
    "takes the directories above a glob for themselves where they are there: %s",
    async (name) => {
      put(`${name}/d/x.parquet`, "a/d/other.parquet", "1/d/other.parquet", "ab/d/other.parquet");
      expect(await names(`${name}/d/*.parquet`)).toEqual([`${name}/d/x.parquet`]);
      expect(await names(`${name}/**/*.parquet`)).toEqual([`${name}/d/x.parquet`]);
      expect((await failure(files(`${name}/d/x.parqet`))).hint).toContain("x.parquet?");
    },
  );

  it("decodes the key=value directories between the named root and the file", async () => {
    put("t/dt=2026-01-15/city=S%C3%A3o%20Paulo/x", "t/dt=100%/city=a=b/x", "t/_p=1/city=/x");
    const values = async (pattern: string): Promise<readonly unknown[]> =>
      (await files(pattern)).map((file) => file.pathValues);
    expect(await values("t")).toEqual([
      { _p: "1", city: "" },
      { dt: "100%", city: "a=b" },
      { dt: "2026-01-15", city: "São Paulo" },
    ]);
    expect(await values("t/dt=2026-01-15")).toEqual([{ city: "São Paulo" }]);
    expect(await values("t/dt=2*/*/x")).toEqual([{ dt: "2026-01-15", city: "São Paulo" }]);
  });

  it("resolves symlinks, follows linked directories, and survives a circle of them", async () => {
    put("real/a", "elsewhere/b");
    symlinkSync(join(root, "real/a"), join(root, "real/link"));
    symlinkSync(join(root, "elsewhere"), join(root, "real/other"));
    symlinkSync(join(root, "real"), join(root, "real/self"));
    symlinkSync(join(root, "nowhere"), join(root, "real/broken"));
    symlinkSync(join(root, "real"), join(root, "alias"));
    expect(await names("alias")).toEqual(["real/a", "real/a", "elsewhere/b"]);
  });
});

describe("what is not there", () => {
  it("is said with what may have been meant", async () => {
    put("flights/2026.parquet");
    const wrongFile = await failure(files("flights/2025.parquet"));
    expect(wrongFile).toMatchObject({ kind: "spec", code: "source.not-found" });
    expect(wrongFile.hint).toBe(`Did you mean ${join(root, "flights/2026.parquet")}?`);
    expect((await failure(files("flights/nothing.parquet"))).hint).not.toMatch(/^Did you mean/);
    put("flights/nobility.parquet");
    expect((await failure(files("flights/nothing.parquet"))).hint).not.toMatch(/^Did you mean/);
    expect((await failure(files("flihgts/*.parquet"))).hint).toBe(`Did you mean ${join(root, "flights")}?`);
    expect((await failure(files("nothing/like/it"))).hint).toMatch(/Check the path/);
  });

  it("is said of a glob that matches nothing, with what is there instead", async () => {
    put("d/a.csv");
    const error = await failure(files("d/*.parquet"));
    expect(error).toMatchObject({ kind: "spec", code: "source.not-found" });
    expect(error.message).toContain(join(root, "d/*.parquet"));
    expect(error.hint).toContain("a.csv");
    mkdirSync(join(root, "empty"));
    expect((await failure(files("empty"))).hint).toContain(`${join(root, "empty")} is empty`);
  });

  it("is null to stat, and source.changed to open", async () => {
    expect(await store.stat(join(root, "gone"))).toBeNull();
    expect(await failure(store.open(join(root, "gone")))).toMatchObject({
      kind: "data",
      code: "source.changed",
      details: { file: join(root, "gone") },
    });
  });

  it("is not a pipe, a device or a directory", async () => {
    execFileSync("mkfifo", [join(root, "pipe")]);
    expect(await failure(files("pipe"))).toMatchObject({ code: "source.not-a-file" });
    expect(await failure(store.open(root))).toMatchObject({ code: "source.not-a-file" });
  });
});

describe("a handle", () => {
  it("reads ranges and counts their bytes", async () => {
    put("file");
    const handle = await store.open(join(root, "file"));
    expect(Buffer.from(await handle.read(1, 3)).toString()).toBe("il");
    expect(Buffer.from(handle.readSync?.(0, 4) ?? []).toString()).toBe("file");
    expect([handle.size, handle.bytesRead]).toEqual([4, 6]);
    await handle.close();
    await handle.close();
  });

  it("keeps to the file that it opened, and says when that became shorter", async () => {
    put("file", "other");
    const handle = await store.open(join(root, "file"));
    renameSync(join(root, "other"), join(root, "file"));
    expect(Buffer.from(await handle.read(0, 4)).toString()).toBe("file");
    await handle.close();
    const cut = await store.open(join(root, "file"));
    truncateSync(join(root, "file"), 2);
    expect(await failure(cut.read(0, 5))).toMatchObject({
      code: "source.changed",
      message: expect.stringContaining("ends at byte 2"),
    });
    await cut.close();
  });

  it("says which file may not be read", async () => {
    put("secret");
    execFileSync("chmod", ["000", join(root, "secret")]);
    const error = await asNobody(() => failure(store.open(join(root, "secret"))));
    expect(error).toMatchObject({ kind: "infra", code: "infra.permission", retryable: false });
    expect(error.message).toContain(join(root, "secret"));
  });
});
