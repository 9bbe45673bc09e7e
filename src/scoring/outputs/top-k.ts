/** The best elements of each row as a list of structs: id, score and optionally rank; best first. */
import { BufferType, Data, type DataType } from "apache-arrow";
import { takeRows } from "../../data/arrow/take-rows.js";
import { halfToDouble } from "../../data/float16.js";
import type { TensorType } from "../../data/tensor.js";
import { BugError } from "../../errors.js";
import { type Ids, idsOf, type MappingFiles } from "../../mapping/files/mapping-files.js";
import type { OutputBinding } from "../../mapping/mapping.js";
import { allocate } from "../tensors/tensor-buffers.js";
import { validity, valuesColumn } from "./arrow-values.js";
import { bestElements } from "./best-elements.js";
import { createExclusions } from "./exclusions.js";
import type { Nulled, OutputColumn } from "./output-column.js";
import { createScores } from "./scores.js";

type TopK = OutputBinding & { readonly kind: "top-k" };

export function topKColumn(type: DataType, binding: TopK, width: number, files: MappingFiles): OutputColumn {
  const k = Math.min(binding.k, width);
  const ids = elementIds(binding, width, files);
  const [idType, scoreType, rankType] = fieldTypes(type);
  const names = valuesColumn(idType, ids.kind === "utf8" ? [...ids.values] : ids.values);
  const bufferType: TensorType = binding.type === "float16" ? "float32" : binding.type;
  const scoresOf = createScores();
  const best = bestElements(k);
  const exclusions = binding.exclude === null ? null : createExclusions(binding.exclude, ids);
  let counts = new Int32Array(0);
  let places = new Int32Array(0);
  let scores = allocate(bufferType, 0);

  return {
    begin(batch) {
      const rows = batch.numRows;
      if (counts.length < rows) {
        counts = new Int32Array(rows);
        places = new Int32Array(rows * k);
        scores = allocate(bufferType, rows * k);
      }
      counts.fill(0, 0, rows);
      exclusions?.open(batch);
    },
    collect(at, rows, tensor) {
      const compared = scoresOf(tensor, rows * width);
      const data = tensor.data as Cells;
      const out = scores as Cells;
      for (let row = 0; row < rows; row++) {
        const isExcluded = exclusions?.ofRow(at + row) ?? nothing;
        const count = best.find(compared, row * width, width, isExcluded);
        counts[at + row] = count;
        for (let rank = 0, cell = (at + row) * k; rank < count; rank++, cell++) {
          const element = best.places[rank] ?? 0;
          const score = data[row * width + element] ?? 0;
          places[cell] = element;
          out[cell] = tensor.type === "float16" ? halfToDouble(Number(score)) : score;
        }
      }
    },
    finish(rows, nulled) {
      const packed = pack(rows);
      const children = [takeRows(names, packed.places, idType), valuesColumn(scoreType, packed.scores)];
      if (rankType !== undefined) children.push(valuesColumn(rankType, packed.ranks));
      return listColumn(type, packed.offsets, children, nulled);
    },
  };

  /** The lists of all rows, contiguously. */
  function pack(rows: number) {
    const offsets = new Int32Array(rows + 1);
    for (let row = 0; row < rows; row++) offsets[row + 1] = (offsets[row] ?? 0) + (counts[row] ?? 0);
    const total = offsets[rows] ?? 0;
    const packed = { offsets, places: new Int32Array(total), ranks: new Int32Array(total) };
    const kept = allocate(bufferType, total);
    const [from, to]: readonly Cells[] = [scores as Cells, kept as Cells];
    for (let row = 0, cell = 0; row < rows; row++)
      for (let rank = 0; rank < (counts[row] ?? 0); rank++, cell++) {
        packed.places[cell] = places[row * k + rank] ?? 0;
        packed.ranks[cell] = rank + 1;
        if (from !== undefined && to !== undefined) to[cell] = from[row * k + rank] ?? 0;
      }
    return { ...packed, scores: kept };
  }
}

/** The scores of a tensor and of its column have the same kind. */
interface Cells {
  [cell: number]: number | bigint | string;
}

const nothing = (): boolean => false;

/** Names of the elements: from a file, from the model, or their positions. */
function elementIds({ ids, labels, idType }: TopK, width: number, files: MappingFiles): Ids {
  if (ids !== null) return idsOf(files, ids);
  if (labels !== null && idType.kind === "utf8") return { kind: "utf8", values: labels.map(String) };
  const values = BigInt64Array.from({ length: width }, (_, place) => BigInt(labels?.[place] ?? place));
  return { kind: "int64", values };
}

function fieldTypes(type: DataType): readonly [DataType, DataType, DataType | undefined] {
  const [id, score, rank] = type.children[0]?.type.children ?? [];
  if (id === undefined || score === undefined)
    throw new BugError("bug.columns", `${String(type)} is not a list of ids and scores`);
  return [id.type, score.type, rank?.type];
}

function listColumn(type: DataType, offsets: Int32Array, children: Data[], nulled: Nulled): Data {
  const item = type.children[0]?.type;
  if (item === undefined) throw new BugError("bug.columns", "a list has no item type");
  const structs = new Data(item, 0, offsets.at(-1) ?? 0, 0, {}, children);
  return new Data(
    type,
    0,
    offsets.length - 1,
    nulled.count,
    { [BufferType.OFFSET]: offsets, ...validity(nulled) },
    [structs],
  );
}
