// biome-ignore-all lint/suspicious/noTemplateCurlyInString: `${…}` is part of the language of specs
// What every environment variable is for. generate-reference.mjs compares the names with those that src reads.

/** Set by the user or the operator. */
export const environmentVariables = {
  NIGHTSHIFT_STATE:
    "folder of the journal, if there is no database ledger; as `--state` (default: `.nightshift/` beside `jobs/`)",
  NIGHTSHIFT_LEDGER: "URL of the database that records runs, or `journal`; as `--ledger`",
  NIGHTSHIFT_QUEUE: "URL of the Redis or PostgreSQL that carries partitions to workers; as `--queue`",
  NIGHTSHIFT_ASSETS:
    "folder that the coordinator and all workers share, for models and maps that are too large for a ledger",
  NIGHTSHIFT_PROJECT:
    "the project's folder; without it, the nearest folder above that has `jobs/` or `nightshift.yaml`",
  NIGHTSHIFT_THREADS: "most threads that a process uses",
  NIGHTSHIFT_MEMORY:
    "memory that a process may use, such as `8GiB`; half of it is for decoded data, and a worker host that holds nine tenths of it is stopped",
  NIGHTSHIFT_OUTPUT_ROOT: "folder below which every output has to be; others are refused",
  NIGHTSHIFT_HOOKS: "`off`: no hook runs in this process",
  NIGHTSHIFT_HOSTS:
    "hosts of databases and of notify URLs that specs may name, separated by commas, with `*`",
  NIGHTSHIFT_ENV_ALLOW: "names that `${NAME}` in a spec may read, separated by commas, with `*`",
  NIGHTSHIFT_SECRET_DIR: "folder that `${file:…}` in a spec may read from",
  NIGHTSHIFT_API_TOKEN: "token that the HTTP interface of `serve` asks for; as `--token-file`",
  NIGHTSHIFT_METRICS_PUSH: "URL of a Pushgateway for metrics of commands that end; as `--metrics-push`",
  NO_COLOR: "no colours; `FORCE_COLOR` wants them in a pipe too",
  COLUMNS: "width of help and tables if the output is not a terminal",
};

/** Not for a user to set, except before `retry`. */
export const otherVariables = {
  NIGHTSHIFT_INPUT_PASSWORD:
    "stands for the password of an input's URL that was given on the command line; `retry` needs it",
  NIGHTSHIFT_OUTPUT_PASSWORD: "the same of the output's URL",
  ORT_DISABLE_TELEMETRY: "set to `1` for every process that loads ONNX Runtime",
  PGUSER:
    "user of a database's URL that has none; `PGPASSWORD`, `PGSSLMODE` and others: [postgres.md](../postgres.md#the-url)",
};
