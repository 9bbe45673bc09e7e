import { exitCodes } from "../../errors.js";

export interface InterruptOptions {
  /** Told of the first interrupt of something that can stop gently. */
  readonly onStopping: () => void;
  /** Last chance before the process ends: give the cursor back. */
  readonly beforeExit: () => void;
}

export interface Interrupts {
  gently(): AbortSignal;
  receivedSignal(): Signal | null;
}

type Signal = "SIGINT" | "SIGTERM";

const codes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;

/** Ctrl-C and SIGTERM: the first stops between chunks where a command can, the second ends the process. */
export function handleInterrupts({ onStopping, beforeExit }: InterruptOptions): Interrupts {
  const controller = new AbortController();
  let gentle = false;
  let received: Signal | null = null;
  const on = (signal: Signal) => {
    if (!gentle || received !== null) {
      beforeExit();
      process.exit(codes[signal]);
    }
    received = signal;
    onStopping();
    controller.abort();
  };
  process.on("SIGINT", on);
  process.on("SIGTERM", on);
  return {
    gently() {
      gentle = true;
      return controller.signal;
    },
    receivedSignal: () => received,
  };
}
