/** A file's footer: located, checked, and parsed as a tree, with types for the few fields that are used here. */
import { createHash } from "node:crypto";
import type { LogicalName } from "../../data/column.js";
import type { ReadHandle } from "../../stores/store.js";
import { annotationOf, forDecoder } from "./annotations.js";
import { corrupt, readFooterBytes, trailerBytes } from "./footer-bytes.js";
import { fileFields, schemaFields } from "./footer-fields.js";
import { parseRowGroup, type RowGroup } from "./row-group.js";
import {
  countField,
  integerField,
  itemsField,
  structsField,
  ThriftError,
  type ThriftStruct,
  textField,
} from "./thrift.js";
import { decodeThrift } from "./thrift-decode.js";

export interface Footer {
  readonly root: ThriftStruct;
  readonly sha256: string;
  /** Where its Thrift bytes start in the file: data lies before. */
  readonly start: number;
  readonly rows: number;
  /** Top-level columns in file order. */
  readonly columns: readonly FileColumn[];
  /** Leaf columns in file order. */
  readonly leaves: readonly Leaf[];
  readonly rowGroups: readonly RowGroup[];
  /** Top-level columns of which a chunk is encrypted. The footer itself is not. */
  readonly encrypted: ReadonlySet<string>;
  readonly metadata: { readonly [key: string]: string };
}

export interface FileColumn {
  readonly name: string;
  /** The column's own element of the schema and those below it, as the decoder is to see them. */
  readonly elements: readonly ThriftStruct[];
  /** End-exclusive range among the leaves. */
  readonly leafStart: number;
  readonly leafEnd: number;
}

export interface Leaf {
  /** Top-level column that it belongs to. */
  readonly column: string;
  /** True where the leaf is the whole column. */
  readonly flat: boolean;
  /** One of {@link physicalTypes}. */
  readonly physicalType: number;
  /** Bytes of a value of FIXED_LEN_BYTE_ARRAY. */
  readonly typeLength: number;
  /** What its annotation says beyond Arrow's types. */
  readonly logical: LogicalName | null;
}

const maxSchemaDepth = 64;

/**
 * @param known footers that were read before: one of the same bytes in the same place is taken as it is
 * @throws DataError `data.corrupt`, `data.unsupported`
 */
export async function readFooter(file: ReadHandle, known: readonly Footer[] = []): Promise<Footer> {
  const bytes = await readFooterBytes(file);
  const start = file.size - trailerBytes - bytes.byteLength;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const same = known.find((footer) => footer.sha256 === sha256 && footer.start === start);
  if (same !== undefined) return same;
  try {
    return parseFooter(bytes, start, sha256);
  } catch (error) {
    if (error instanceof ThriftError)
      throw corrupt(file.path, `its footer is broken: ${error.message}`, error);
    throw error;
  }
}

function parseFooter(bytes: Uint8Array, start: number, sha256: string): Footer {
  const root = decodeThrift(bytes, fileFields.rowGroups);
  const { columns, leaves } = parseSchema(structsField(root, fileFields.schema));
  const rowGroups = itemsField(root, fileFields.rowGroups).map((group, index) =>
    parseRowGroup(group, index, leaves.length, start),
  );
  const rows = countField(root, fileFields.rows, "rows");
  const counted = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  if (rows !== counted) throw new ThriftError(`it claims ${rows} rows, its row groups ${counted}`);
  const encrypted = new Set(
    rowGroups.flatMap((group) => group.encrypted.flatMap((leaf) => leaves[leaf]?.column ?? [])),
  );
  return { root, sha256, start, rows, columns, leaves, rowGroups, encrypted, metadata: parseMetadata(root) };
}

/** The schema is a tree in depth-first order; its first element is the root. */
function parseSchema(elements: readonly ThriftStruct[]): Pick<Footer, "columns" | "leaves"> {
  const columns: FileColumn[] = [];
  const leaves: Leaf[] = [];
  let next = 1;
  const visit = (column: string | null, depth: number): string => {
    const element = elements[next++];
    if (element === undefined || depth > maxSchemaDepth) throw new ThriftError("its schema is not a tree");
    const name = column ?? textField(element, schemaFields.name) ?? "";
    const children = integerField(element, schemaFields.children) ?? 0;
    if (children === 0) leaves.push(parseLeaf(element, name, depth === 0));
    for (let i = 0; i < children; i++) visit(name, depth + 1);
    return name;
  };
  while (next < elements.length) {
    const [first, leafStart] = [next, leaves.length];
    const name = visit(null, 0);
    const own = elements.slice(first, next).map(forDecoder);
    columns.push({ name, elements: own, leafStart, leafEnd: leaves.length });
  }
  return { columns, leaves };
}

function parseLeaf(element: ThriftStruct, column: string, flat: boolean): Leaf {
  return {
    column,
    flat,
    physicalType: integerField(element, schemaFields.type) ?? -1,
    typeLength: integerField(element, schemaFields.typeLength) ?? 0,
    logical: annotationOf(element),
  };
}

function parseMetadata(root: ThriftStruct): { readonly [key: string]: string } {
  const metadata: { [key: string]: string } = Object.create(null);
  for (const pair of structsField(root, fileFields.keyValues)) {
    const key = textField(pair, 1) ?? "";
    // Binary, and said better by the schema.
    if (key !== "ARROW:schema") metadata[key] = textField(pair, 2) ?? "";
  }
  const createdBy = textField(root, fileFields.createdBy);
  return createdBy === undefined ? metadata : { ...metadata, created_by: createdBy };
}
