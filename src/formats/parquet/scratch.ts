/** A reusable buffer for one user at a time. */

export interface Scratch {
  /** A caller that comes while the buffer is in use gets a new one. */
  take(): { readonly ofSize: (bytes: number) => Uint8Array; readonly giveBack: () => void };
}

/** What is larger is not kept. */
const maxKeptBytes = 64 * 1024 * 1024;

export function createScratch(): Scratch {
  let kept: Uint8Array | null = new Uint8Array(0);
  return {
    take() {
      let own = kept ?? new Uint8Array(0);
      const wasKept = kept !== null;
      kept = null;
      return {
        ofSize(bytes) {
          if (own.byteLength < bytes) own = new Uint8Array(bytes);
          return own.subarray(0, bytes);
        },
        giveBack() {
          if (wasKept) kept = own.byteLength <= maxKeptBytes ? own : new Uint8Array(0);
        },
      };
    },
  };
}
