// npm run kernel [-- --check]: writes src/runtimes/onnx/trees/kernel-bytes.ts, the WebAssembly that walks trees.
//
// A node is four words: where its feature lies in a row (bytes), its threshold, and the addresses of the nodes for
// "not greater" and "greater". A leaf points to itself and keeps its score where others keep the threshold, so that a walk
// needs no branch: every row takes as many steps as its tree is deep. Rows walk side by side, so that the loads of one
// hide those of the others; a block of rows goes through one tree after the other, so that a tree stays in the cache.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import loadWabt from "wabt";

const lanes = 16;
const target = fileURLToPath(new URL("../src/runtimes/onnx/trees/kernel-bytes.ts", import.meta.url));

const each = (line) => Array.from({ length: lanes }, (_, lane) => line(lane)).join("\n      ");

/** How a row's lane goes on: greater than the threshold, or, where rows may hold NaN, what its node says of NaN. */
const isGreater = (lane) => `(f32.gt (local.get $x) (f32.load offset=4 (local.get $node${lane})))`;
const goesRight = {
  score: isGreater,
  score_nan: (lane) => `(i32.or ${isGreater(lane)}
        (i32.and (f32.ne (local.get $x) (local.get $x))
          (i32.load8_u (i32.add (local.get $nanRight) (i32.shr_u (local.get $node${lane}) (i32.const 4))))))`,
};

/** Adds the score of the lane's leaf: one number, or one for each output. */
const addOne = (lane) => `
      (f64.store (local.get $sum) (f64.add (f64.load (local.get $sum))
        (f64.promote_f32 (f32.load offset=4 (local.get $node${lane})))))
      (local.set $sum (i32.add (local.get $sum) (local.get $sumBytes)))`;
const addMany = (lane) => `
      (local.set $from (i32.load offset=4 (local.get $node${lane})))
      (local.set $to (local.get $sum))
      (local.set $left (local.get $many))
      (loop $output
        (f64.store (local.get $to) (f64.add (f64.load (local.get $to)) (f64.promote_f32 (f32.load (local.get $from)))))
        (local.set $from (i32.add (local.get $from) (i32.const 4)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (br_if $output (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (local.set $sum (i32.add (local.get $sum) (local.get $sumBytes)))`;

/**
 * Scores rows `[rows, rowsEnd)`, a multiple of the lanes, on all trees of a table; adds to sums of 8 bytes.
 * A table's entry: root, depth, where in a row's sums the tree adds (bytes), and for leaves with many scores how many.
 */
const score = (name) => `
  (func (export "${name}") (param $rows i32) (param $rowBytes i32) (param $rowsEnd i32)
      (param $table i32) (param $tableEnd i32) (param $sums i32) (param $sumBytes i32) (param $nanRight i32)
    (local $root i32) (local $depth i32) (local $step i32) (local $many i32) (local $row i32) (local $sum i32)
    (local $groupSum i32) (local $from i32) (local $to i32) (local $left i32) (local $x f32)
    ${each((lane) => `(local $node${lane} i32) (local $row${lane} i32)`)}
    (loop $tree
      (local.set $root (i32.load (local.get $table)))
      (local.set $depth (i32.load offset=4 (local.get $table)))
      (local.set $groupSum (i32.add (local.get $sums) (i32.load offset=8 (local.get $table))))
      (local.set $many (i32.load offset=12 (local.get $table)))
      (local.set $row (local.get $rows))
      (loop $group
      ${each((lane) => `(local.set $node${lane} (local.get $root))`)}
      (local.set $sum (local.get $groupSum))
      ${each(
        (lane) =>
          `(local.set $row${lane} (local.get $row)) (local.set $row (i32.add (local.get $row) (local.get $rowBytes)))`,
      )}
      (local.set $step (local.get $depth))
      (block $leaves
        (br_if $leaves (i32.eqz (local.get $step)))
        (loop $level
      ${each(
        (
          lane,
        ) => `(local.set $x (f32.load (i32.add (local.get $row${lane}) (i32.load (local.get $node${lane})))))
      (local.set $node${lane} (i32.load offset=8 (i32.add (local.get $node${lane})
        (i32.shl ${goesRight[name](lane)} (i32.const 2)))))`,
      )}
          (br_if $level (local.tee $step (i32.sub (local.get $step) (i32.const 1))))))
      (if (local.get $many) (then ${each(addMany)}) (else ${each(addOne)}))
      (local.set $groupSum (i32.add (local.get $groupSum) (i32.mul (local.get $sumBytes) (i32.const ${lanes}))))
        (br_if $group (i32.lt_u (local.get $row) (local.get $rowsEnd))))
      (br_if $tree (i32.lt_u
        (local.tee $table (i32.add (local.get $table) (i32.const 16))) (local.get $tableEnd)))))`;

/** Whether bytes \`[start, end)\`, a multiple of 16, hold a NaN. */
const hasNan = `
  (func (export "has_nan") (param $start i32) (param $end i32) (result i32)
    (local $found v128) (local $x v128)
    (loop $next
      (local.set $x (v128.load (local.get $start)))
      (local.set $found (v128.or (local.get $found) (f32x4.ne (local.get $x) (local.get $x))))
      (br_if $next (i32.lt_u (local.tee $start (i32.add (local.get $start) (i32.const 16))) (local.get $end))))
    (v128.any_true (local.get $found)))`;

const text = `(module (import "host" "memory" (memory 1)) ${score("score")} ${score("score_nan")} ${hasNan})`;
const wabt = await loadWabt();
const module = wabt.parseWat("kernel.wat", text, { simd: true });
const bytes = Buffer.from(module.toBinary({}).buffer).toString("base64");
const source = `// Made by scripts/generate-tree-kernel.mjs, where the kernel is explained. Not to be edited.

/** Rows that the kernel takes side by side: blocks are multiples of it. */
export const lanes = ${lanes};

/** WebAssembly with \`score\`, \`score_nan\` and \`has_nan\`, over the memory \`host.memory\`. */
export const kernelBase64 =
${bytes
  .match(/.{1,100}/g)
  .map((line) => `  "${line}"`)
  .join(" +\n")};
`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== source) {
    console.error("src/runtimes/onnx/trees/kernel-bytes.ts is not what its script makes: npm run kernel");
    process.exitCode = 1;
  }
} else writeFileSync(target, source);
