/**
 * Returns a record's own property: columns, outputs and classes may be named `constructor`, as in data about
 * car races.
 */
export function ownValue<Value>(record: { readonly [key: string]: Value }, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
