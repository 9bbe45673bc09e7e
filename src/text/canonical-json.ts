import stringify from "safe-stable-stringify";

const ofJson = stringify.configure({ circularValue: TypeError });

/**
 * Returns JSON with sorted keys: equal values have equal text. Members that are `undefined` are left out. Digests of this text are stored (run fingerprints, plans,
 * idempotency keys), so its bytes must never change; a test holds samples.
 */
export function canonicalJson(value: object): string {
  return ofJson(value);
}
