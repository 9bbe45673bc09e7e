/** Spans for whoever registered an SDK of OpenTelemetry in this process; nothing is loaded for anybody else. */
import type { Observer } from "../observer.js";

/** Where every copy of the API, version 1, keeps what was registered. */
const registry = Symbol.for("opentelemetry.js.api.1");

/** `null` where nobody traces. Runs that it is told of are children of the span that is active now, if any. */
export async function openTraces(): Promise<Observer | null> {
  const registered: unknown = Reflect.get(globalThis, registry);
  if (typeof registered !== "object" || registered === null || !("trace" in registered)) return null;
  const { runTraces } = await import("./run-traces.js");
  return runTraces();
}
