import { exitCodes } from "../../errors.js";

export interface InterruptOptions {
  /** Called on the first SIGINT or SIGTERM if the command supports graceful shutdown. */
  readonly onStopping: (how: string) => void;
  /** Last chance before the process ends: give the cursor back. */
  readonly beforeExit: () => void;
}

export interface Interrupts {
  /** Enables graceful shutdown. @param how what the process does until it stops: `finishing the current chunk` */
  stopGracefully(how: string): AbortSignal;
  receivedSignal(): Signal | null;
}

type Signal = "SIGINT" | "SIGTERM";

const codes = { SIGINT: exitCodes.interrupted, SIGTERM: exitCodes.terminated } as const;

/** Ctrl-C and SIGTERM: the first stops between chunks where a command can, the second ends the process. */
export function handleInterrupts({ onStopping, beforeExit }: InterruptOptions): Interrupts {
  const controller = new AbortController();
  let graceful: string | null = null;
  let received: Signal | null = null;
  const on = (signal: Signal) => {
    if (graceful === null || received !== null) {
      beforeExit();
      process.exit(codes[signal]);
    }
    received = signal;
    onStopping(graceful);
    controller.abort();
  };
  process.on("SIGINT", on);
  process.on("SIGTERM", on);
  return {
    stopGracefully(how) {
      graceful = how;
      return controller.signal;
    },
    receivedSignal: () => received,
  };
}
