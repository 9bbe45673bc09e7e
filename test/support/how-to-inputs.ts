/** By page of docs/, what its reader brings: from a path in the reader's folder to a path in the repository. */
const models = "fixtures/how-to/";

export const howToInputs: { readonly [name: string]: { readonly [path: string]: string } } = {
  "quick-start": { "fixtures/models": "fixtures/models" },
  "how-to/nightly-scores-into-postgresql": { "models/churn.onnx": `${models}churn.onnx` },
  "how-to/embeddings-into-pgvector": {
    "models/digits-embedding.onnx": `${models}digits-embedding.onnx`,
    "input/digits.parquet": "fixtures/models/digits.input.parquet",
  },
  "how-to/backfill-a-year": { "models/churn.onnx": `${models}churn.onnx` },
  "how-to/quarantine-and-repair": {
    "models/flight-delay.onnx": "fixtures/models/flight-delay-xgboost.onnx",
    "input/flights.parquet": "fixtures/models/flight-delay-xgboost.input.parquet",
  },
  "how-to/score-in-a-node-service": {
    "models/flight-columns.onnx": "fixtures/models/flight-columns.onnx",
    "input/flights.parquet": "fixtures/models/flight-columns.input.parquet",
  },
  "how-to/workers-on-three-machines": {
    "models/flight-delay.onnx": "fixtures/models/flight-delay.onnx",
    "input/flights": "fixtures/flights",
  },
};
