import type { Observer } from "./observer.js";

/** Writes every event as one line of JSON. */
export function jsonLines(write: (text: string) => void): Observer {
  return { on: (event) => write(`${JSON.stringify(event)}\n`) };
}
