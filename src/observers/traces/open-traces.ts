/** Creates spans if an OpenTelemetry SDK is registered in this process. Otherwise nothing is loaded. */
import type { Observer } from "../observer.js";

/** Key under which every copy of the API, version 1, stores the registered SDK. */
const registry = Symbol.for("opentelemetry.js.api.1");

/**
 * Returns `null` if no SDK is registered. Spans of runs are children of the span that is active now, if any.
 */
export async function openTraces(): Promise<Observer | null> {
  const registered: unknown = Reflect.get(globalThis, registry);
  if (typeof registered !== "object" || registered === null || !("trace" in registered)) return null;
  const { runTraces } = await import("./run-traces.js");
  return runTraces();
}
