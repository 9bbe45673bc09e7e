/** A record's own value: columns, outputs and classes may be called `constructor`, as those of car races are. */
export function ownValue<Value>(record: { readonly [key: string]: Value }, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
