/**
 * Detects columns for which the server rounds: their type has fewer decimal places than the values may have.
 */
import type { ColumnType } from "../../../data/column.js";
import type { TableColumn } from "../../../postgres/catalogue.js";
import { isVector, type ScalarWire, type Wire } from "./wire.js";

export function isRounded({ modifier }: TableColumn, wire: Wire, type: ColumnType): boolean {
  if (isVector(wire) || modifier < 0) return false;
  const places = placesOf(wire.kind === "array" ? wire.element : wire.kind, modifier);
  return places !== null && placesIn(type) > places;
}

/**
 * Decimal places that a column stores: `numeric(10,2)` 2, `timestamp(0)` 0; `null` if it stores all or has
 * none.
 */
function placesOf(wire: ScalarWire, modifier: number): number | null {
  switch (wire) {
    case "numeric":
      // The modifier contains precision and scale; scale is an 11-bit signed number.
      return (((modifier - 4) & 0x7ff) ^ 0x400) - 0x400;
    case "time":
    case "timestamp":
    case "timestamptz":
      return modifier;
    default:
      return null;
  }
}

const unitPlaces = { s: 0, ms: 3, us: 6, ns: 6 } as const;

/** Decimal places that values may have. Times with more than microseconds are rejected elsewhere. */
function placesIn(type: ColumnType): number {
  switch (type.kind) {
    case "float":
      return Infinity;
    case "decimal":
      return type.scale;
    case "time":
    case "timestamp":
      return unitPlaces[type.unit];
    case "dictionary":
      return placesIn(type.value);
    case "list":
    case "fixed-list":
      return placesIn(type.item);
    default:
      return 0;
  }
}
