/** Decodes rows of PostgreSQL's binary format into the columns of one chunk. */
import { Data, Field, RecordBatch, Schema, Struct } from "apache-arrow";
import { arrowType } from "../../../data/arrow-types.js";
import { BugError } from "../../../errors.js";
import type { InputColumn } from "../describe-input.js";
import type { Wire } from "../wire-types.js";
import { BoolBuilder } from "./bool-builder.js";
import { BytesBuilder } from "./bytes-builder.js";
import type { ColumnBuilder, Wired } from "./column-builder.js";
import { FixedBuilder } from "./fixed-builder.js";
import { ListBuilder } from "./list-builder.js";
import { NumericBuilder } from "./numeric-builder.js";
import { VectorBuilder } from "./vector-builder.js";

/** A chunk ends at this size even if it has few rows, because of long lists or texts. */
const maxLooseBytes = 64 * 1024 * 1024;
const looseBytesEveryRows = 64;

/** Reads consecutive columns of a row; returns the position of the next one. */
type Step = (from: Wired, start: number) => number;

export class RowDecoder {
  rows = 0;
  private readonly builders: readonly ColumnBuilder[];
  private readonly steps: readonly Step[];
  private readonly schema: Schema;
  private isHeavy = false;

  constructor(
    columns: readonly InputColumn[],
    private readonly maxRows: number,
  ) {
    this.builders = columns.map(({ name, type, wire }) => builderOf(name, { type, wire }));
    this.steps = stepsOf(this.builders);
    this.schema = new Schema(columns.map(({ name, type }) => new Field(name, arrowType(type), true)));
  }

  get isFull(): boolean {
    return this.rows >= this.maxRows || this.isHeavy;
  }

  /** @param start position of the number of columns, which begins a row */
  decode(from: Wired, start: number): void {
    const sent = from.view.getInt16(start);
    if (sent !== this.builders.length)
      throw new BugError("bug.wire", `${sent} columns were sent, and ${this.builders.length} were asked for`);
    let place = start + 2;
    for (const step of this.steps) place = step(from, place);
    this.rows += 1;
    if (this.rows % looseBytesEveryRows === 0) this.isHeavy = this.looseBytes() >= maxLooseBytes;
  }

  /** Returns the rows so far, valid until the same number was decoded again, and starts a new batch. */
  take(): RecordBatch {
    const { rows, schema } = this;
    const children = this.builders.map((builder) => builder.finish());
    this.rows = 0;
    this.isHeavy = false;
    return new RecordBatch(schema, new Data(new Struct(schema.fields), 0, rows, 0, undefined, children));
  }

  private looseBytes(): number {
    let bytes = 0;
    for (const builder of this.builders) bytes += builder.looseBytes;
    return bytes;
  }
}

function builderOf(column: string, { type, wire }: Pick<InputColumn, "type" | "wire">): ColumnBuilder {
  switch (wire.kind) {
    case "bool":
      return new BoolBuilder();
    case "bytes":
    case "json-b":
    case "uuid":
    case "char":
      return new BytesBuilder(column, wire.kind, type);
    case "numeric":
      return new NumericBuilder(column, wire.precision, wire.scale);
    case "vector":
    case "halfvec":
      return new VectorBuilder(column, wire.kind, wire.size);
    case "list": {
      if (type.kind !== "list") break;
      const item: ColumnBuilder = builderOf(column, { type: type.item, wire: wire.item });
      return new ListBuilder(column, item, arrowType(type.item));
    }
    case "unreadable":
      break;
    default:
      return new FixedBuilder(column, wire.kind, type);
  }
  throw unplanned(column, wire);
}

function unplanned(column: string, { kind }: Wire): BugError {
  return new BugError("bug.wire", `column "${column}" cannot be read: ${kind}`);
}

/**
 * Adjacent columns of the same plain four-byte kind, as features often are, are read in one loop without a
 * call for each value.
 */
function stepsOf(builders: readonly ColumnBuilder[]): readonly Step[] {
  const steps: Step[] = [];
  for (let index = 0; index < builders.length; ) {
    const run = plainRun(builders, index);
    const builder = builders[index];
    if (run.length > 1) steps.push(wordStep(run));
    else if (builder !== undefined) steps.push(valueStep(builder));
    index += Math.max(run.length, 1);
  }
  return steps;
}

function plainRun(builders: readonly ColumnBuilder[], first: number): readonly FixedBuilder[] {
  const run: FixedBuilder[] = [];
  for (const builder of builders.slice(first)) {
    if (!(builder instanceof FixedBuilder) || !builder.isPlain || builder.bytesPerValue !== 4) break;
    run.push(builder);
  }
  return run;
}

function wordStep(builders: readonly FixedBuilder[]): Step {
  return (from, start) => {
    const { view } = from;
    let place = start;
    for (const builder of builders) {
      const length = view.getInt32(place);
      place += 4;
      if (length === 4) {
        if (builder.rows === builder.words.length) builder.reserve(builder.rows + 1);
        builder.words[builder.rows] = view.getUint32(place);
        builder.rows += 1;
        place += 4;
      } else if (length < 0) builder.appendNull();
      else builder.append(from, place, length);
    }
    return place;
  };
}

function valueStep(builder: ColumnBuilder): Step {
  return (from, start) => {
    const length = from.view.getInt32(start);
    if (length < 0) {
      builder.appendNull();
      return start + 4;
    }
    builder.append(from, start + 4, length);
    return start + 4 + length;
  };
}
