/** `onnxruntime` runs every model; `compiled-trees` runs models that are one ensemble of trees, on our own kernel. */
export const engineNames = ["onnxruntime", "compiled-trees"] as const;
export type EngineName = (typeof engineNames)[number];

/**
 * The run profile: settings that affect results and never change. Boundaries of chunks and batches, and so
 * the contents of files, depend only on plan and profile. A worker that cannot satisfy it refuses the task.
 */
export interface Profile {
  readonly engine: EngineName;
  readonly engineVersion: string;
  /**
   * The execution provider, chosen before the session is created, because an engine may fall back silently.
   */
  readonly provider: string;
  readonly intraOpThreads: number;
  readonly chunkRows: number;
  readonly batchRows: number;
  readonly writer: WriterProfile;
}

/** What a job may name in `providers`. */
export const providerNames = ["cpu", "cuda", "webgpu"] as const;

export interface WriterProfile {
  readonly compression: "zstd" | "snappy" | "none";
  readonly rowGroupRows: number;
  /** A part file is closed after this amount of raw output. */
  readonly partBytes: number;
}

export const defaultWriterProfile: WriterProfile = {
  compression: "snappy",
  rowGroupRows: 131_072,
  partBytes: 64 * 1024 * 1024,
};
