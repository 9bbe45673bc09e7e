import { expect, it } from "vitest";
import type { ProveCall } from "../../src/host/host.js";
import type { PartitionRef, ReadSlice, Receipt } from "../../src/job/partition.js";
import { proveInputs } from "../../src/running/prove-inputs.js";
import type { FilesPartition } from "../../src/sources/files/files-input.js";
import { runOf } from "../support/file-target.js";
import { aPartition, aPlan, aReceipt } from "../support/runs.js";

const unmoved: ReadSlice = { digest: "crc32:00000001" };
const moved: ReadSlice = { digest: "crc32:00000002", moved: true };

interface Part {
  readonly path: string;
  /** What the receipt says; `null`: of an earlier version. */
  readonly read: ReadSlice | null;
  readonly pinsCtime?: boolean;
}

/** @returns path and digest of every slice that the host is asked for */
async function asked(parts: readonly Part[], ctimes: readonly string[] = []) {
  const plan = aPlan(parts.length);
  const partitions = parts.map((part, index): FilesPartition => {
    const partition = aPartition(index);
    const pinned = part.pinsCtime === false ? {} : { ctimeNs: "1" };
    const slices = partition.slices.map((slice) => ({
      ...slice,
      file: { ...slice.file, path: part.path, ...pinned },
    }));
    return { ...partition, slices };
  });
  const receipts = parts.map(({ read }, partition): Receipt => {
    const receipt = aReceipt({ runId: "r1", partition, epoch: 1 }, `a${partition}`);
    return read === null ? receipt : { ...receipt, slices: [read] };
  });
  const calls: ProveCall[] = [];
  let loaded = 0;
  await proveInputs(plan, receipts, {
    ledger: {
      async loadTask(ref: PartitionRef) {
        loaded += 1;
        const partition = partitions[ref.partition];
        if (partition === undefined) throw new Error("there is no such partition");
        return { run: runOf("r1"), ref, plan, partition };
      },
    },
    async proveSlices(call) {
      calls.push(call);
      const ctimeNs = ctimes[calls.length - 1] ?? "2";
      return call.slices.map(({ slice }) => ({ path: slice.file.path, ctimeNs }));
    },
    signal: new AbortController().signal,
  });
  return {
    loaded,
    slices: calls.flatMap(({ slices }) => slices.map(({ slice, digest }) => [slice.file.path, digest])),
  };
}

it("where no file moved, neither the ledger nor a host is asked", async () => {
  const parts = [
    { path: "/a", read: unmoved },
    { path: "/a", read: unmoved },
  ];
  expect(await asked(parts)).toEqual({ loaded: 0, slices: [] });
});

it("all slices of a file that moved are proved, and those of no other file", async () => {
  const parts = [
    { path: "/a", read: unmoved },
    { path: "/b", read: unmoved },
    { path: "/a", read: moved },
  ];
  expect((await asked(parts)).slices).toEqual([
    ["/a", unmoved.digest],
    ["/a", moved.digest],
  ]);
});

it("a receipt of an earlier version is proved without a digest, if the plan pins ctime", async () => {
  expect((await asked([{ path: "/a", read: null }])).slices).toEqual([["/a", null]]);
  expect((await asked([{ path: "/a", read: null, pinsCtime: false }])).slices).toEqual([]);
});

it("slices that are proved of two states of a file prove nothing", async () => {
  const parts = [
    { path: "/a", read: unmoved },
    { path: "/a", read: moved },
  ];
  await expect(asked(parts, ["2", "3"])).rejects.toMatchObject({
    code: "source.changed",
    details: { file: "/a" },
  });
});
