// Predictions against what the library that trained the model says: labels equal but on a boundary, values within a tolerance.
const valueTolerance = 1e-5; // times max(1, |expected|)
const boundaryTolerance = 1e-6;

/** How well rows agree over a model's output tensors. Throws at the first value that is too far off. */
export function compareRows(got, want, tensors) {
  if (got.length !== want.length) throw new Error(`${got.length} rows, expected ${want.length}`);
  const parity = { rows: want.length, wrongLabels: 0, worstError: 0 };
  for (let row = 0; row < want.length; row++)
    for (const tensor of tensors) {
      try {
        compareOutput(got[row], want[row], tensor, parity);
      } catch (error) {
        throw new Error(`row ${row}: ${tensor} ${error.message}`);
      }
    }
  if (parity.wrongLabels > 0) throw new Error(`${parity.wrongLabels} wrong labels in ${parity.rows} rows`);
  return parity;
}

function compareOutput(got, want, tensor, parity) {
  const value = tensor in want ? want[tensor] : byIndex(want, tensor);
  const actual = predicted(got, tensor, value);
  if (actual === undefined) throw new Error(`has no column among ${Object.keys(got).join(", ")}`);
  if (isLabel(value)) {
    if (String(actual) !== String(value) && !isOnBoundary(want)) parity.wrongLabels += 1;
    return;
  }
  if (isRanked(value)) compareRanked(actual, value, parity);
  else compareNumbers([actual].flat(Infinity), [value].flat(Infinity), parity);
}

/** The columns that an output became: one of its name, or what stands for it in a classifier. */
function predicted(got, tensor, value) {
  if (tensor in got) return got[tensor];
  if (!Array.isArray(value)) return got.prediction;
  return got.probabilities ?? byLabel(got);
}

function compareNumbers(got, want, parity) {
  if (got.length !== want.length) throw new Error(`has ${got.length} values, expected ${want.length}`);
  for (let i = 0; i < want.length; i++) {
    const error = Math.abs(Number(got[i]) - Number(want[i])) / Math.max(1, Math.abs(Number(want[i])));
    if (!(error <= valueTolerance)) throw new Error(`[${i}] is ${got[i]}, expected ${want[i]}`);
    parity.worstError = Math.max(parity.worstError, error);
  }
}

/** The best elements: their scores in order, and their ids but where two scores are as good as equal. */
function compareRanked(got, want, parity) {
  const scores = (elements) => elements.map(({ score }) => score);
  compareNumbers(scores(got), scores(want), parity);
  const isTied = (i) =>
    [i - 1, i + 1].some((j) => Math.abs(want[i].score - (want[j]?.score ?? Infinity)) <= boundaryTolerance);
  for (let i = 0; i < want.length; i++)
    if (String(got[i].id) !== String(want[i].id) && !isTied(i)) parity.wrongLabels += 1;
}

function isLabel(value) {
  return typeof value === "string" || typeof value === "bigint";
}

function isRanked(value) {
  return Array.isArray(value) && typeof value[0] === "object" && value[0] !== null && "score" in value[0];
}

/** Element i of a tensor may stand in a column of its own, `tensor[i]`. */
function byIndex(row, tensor) {
  const values = [];
  while (`${tensor}[${values.length}]` in row) values.push(row[`${tensor}[${values.length}]`]);
  return values;
}

function byLabel(row) {
  const names = Object.keys(row).filter((name) => name.startsWith("probability_"));
  return names.length === 0 ? undefined : names.map((name) => row[name]);
}

/** Whether the two likeliest classes are so close, or a lone score so close to 0, that either label is right. */
function isOnBoundary(want) {
  const scores = Object.values(want).find(Array.isArray);
  if (scores === undefined) return false;
  const [first, second = 0] = [...scores].sort((a, b) => b - a);
  return Math.abs(first - second) <= boundaryTolerance;
}
