/** A buffer that is used again and again, by one user at a time. */

export interface Scratch {
  /** For whoever comes while it is taken there is a buffer of their own. */
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
