import { exitCodes } from "../../errors.js";

export interface InterruptOptions {
  /** Told of the first interrupt of something that can stop gently, and how it stops. */
  readonly onStopping: (how: string) => void;
  /** Last chance before the process ends: give the cursor back. */
  readonly beforeExit: () => void;
}

export interface Interrupts {
  /** @param how it stops: `finishing the current chunk` */
  gently(how: string): AbortSignal;
  receivedSignal(): Signal | null;
}

type Signal = "SIGINT" | "SIGTERM";

const codes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;

/** Ctrl-C and SIGTERM: the first stops between chunks where a command can, the second ends the process. */
export function handleInterrupts({ onStopping, beforeExit }: InterruptOptions): Interrupts {
  const controller = new AbortController();
  let gentle: string | null = null;
  let received: Signal | null = null;
  const on = (signal: Signal) => {
    if (gentle === null || received !== null) {
      beforeExit();
      process.exit(codes[signal]);
    }
    received = signal;
    onStopping(gentle);
    controller.abort();
  };
  process.on("SIGINT", on);
  process.on("SIGTERM", on);
  return {
    gently(how) {
      gentle = how;
      return controller.signal;
    },
    receivedSignal: () => received,
  };
}
