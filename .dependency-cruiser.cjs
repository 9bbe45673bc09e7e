/** Who may import whom: the rules of ARCHITECTURE.md, checked. */
const vocabulary =
  "^src/(job|data|time|text)/|^src/errors\\.ts$|^src/mapping/mapping\\.ts$|^src/sinks/(publication-log/|quarantine-batch\\.ts$)|^src/(ledgers|assets|dispatchers)/refusals\\.ts$";
/** A pure function that vocabulary uses, in one folder by a rule below. */
const ownPackages = "node_modules/fastest-levenshtein/";
const contracts =
  "^src/(sources/(source|adapter)|sinks/(sink|adapter)|runtimes/model|dispatchers/(dispatcher|queue)|ledgers/(ledger|(backfill|schedule|notice)-store)|stores/(store|file-system)|formats/format|observers/observer|host/host|hooks/hook|assets/blob-store)\\.ts$";
const flow = "^src/(planning|mapping|scoring|running|worker)/";
const service = "^src/service/";
/** Commands that look into a part of the machine, or set one up: nobody else opens these parts. */
const operating = "^src/cli/(doctor/|migrate\\.ts$)";
/** Inputs and outputs as a job holds them: the command line and the service make them from paths and names of tables. */
const writtenPlaces =
  "^src/(sinks/files/files-(sink-adapter|write)|sinks/postgres/postgres-write|sources/files/files-input|sources/postgres/postgres-input)\\.ts$";
const wiring =
  "^src/(app|registry|cli|index|config)\\.ts$|^src/host/(worker-host|thread)\\.ts$|^src/(wiring|library)/";
const implementation =
  "^src/(assets|hooks|sources|sinks|stores|formats|runtimes|dispatchers|ledgers|triggers|observers|host)/";

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "vocabulary-is-pure",
      comment: "Vocabulary imports vocabulary, Arrow, and packages that compute and do nothing else.",
      severity: "error",
      from: { path: vocabulary },
      to: { pathNot: [vocabulary, "node_modules/apache-arrow/", ownPackages] },
    },
    {
      name: "text-packages-in-text",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/text/" },
      to: { path: "node_modules/fastest-levenshtein/" },
    },
    {
      name: "width-in-output",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/cli/output/" },
      to: { path: "node_modules/get-east-asian-width/" },
    },
    {
      name: "contracts-are-types",
      comment: "A contract imports vocabulary and contracts, types only.",
      severity: "error",
      from: { path: contracts },
      to: { pathNot: [vocabulary, contracts, "node_modules/apache-arrow/"] },
    },
    {
      name: "flow-knows-no-implementation",
      comment: "Flow imports vocabulary, contracts, Arrow and node:crypto; never infrastructure.",
      severity: "error",
      from: { path: flow },
      to: { pathNot: [vocabulary, contracts, flow, "node_modules/apache-arrow/", "^(node:)?crypto$"] },
    },
    {
      name: "implementations-stand-alone",
      comment: "An implementation imports vocabulary, contracts, its own folder and its own package.",
      severity: "error",
      from: {
        path: "^src/(sources|sinks|stores|formats|runtimes|dispatchers|ledgers|triggers|observers)/([^/]+)/",
        pathNot: [vocabulary],
      },
      to: {
        path: "^src/",
        pathNot: [vocabulary, contracts, "^src/$1/$2/", "^src/postgres/", "^src/http/"],
      },
    },
    {
      name: "flat-implementations-stand-alone",
      comment: "The same for a folder with one implementation.",
      severity: "error",
      from: { path: "^src/(assets|hooks|host)/", pathNot: [vocabulary, contracts, wiring] },
      to: { path: "^src/", pathNot: [vocabulary, contracts, "^src/$1/"] },
    },
    {
      name: "http-stands-alone",
      comment: "http/ is for what listens: the HTTP interface and the metrics. It imports nothing of ours.",
      severity: "error",
      from: { path: "^src/http/" },
      to: { path: "^src/", pathNot: "^src/http/" },
    },
    {
      name: "postgres-serves-its-own",
      comment:
        "postgres/ is for the source, the sink, the ledger and the queue of that name, and for nobody else.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [
          "^src/postgres/",
          "^src/(sources|sinks|ledgers|triggers)/postgres/",
          "^src/dispatchers/queue/postgres-backend\\.ts$",
          wiring,
          operating,
        ],
      },
      to: { path: "^src/postgres/" },
    },
    {
      name: "postgres-stands-alone",
      comment: "postgres/ imports vocabulary and contracts.",
      severity: "error",
      from: { path: "^src/postgres/" },
      to: { path: "^src/", pathNot: [vocabulary, contracts, "^src/postgres/"] },
    },
    {
      name: "pg-in-postgres",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(postgres|(sources|sinks|ledgers|triggers)/postgres)/" },
      to: { path: "node_modules/(pg|pg-copy-streams|@types/pg|@types/pg-copy-streams)/" },
    },
    {
      name: "only-wiring-names-implementations",
      severity: "error",
      from: { path: "^src/", pathNot: [wiring, implementation, operating] },
      to: { path: implementation, pathNot: [vocabulary, contracts, writtenPlaces, "^src/observers/"] },
    },
    {
      name: "service-knows-no-implementation",
      comment:
        "The service imports vocabulary, contracts, flow, specs, types of settings, and observers of runs. Its caller hands it everything else.",
      severity: "error",
      from: { path: service },
      to: {
        path: "^src/",
        pathNot: [
          vocabulary,
          contracts,
          writtenPlaces,
          flow,
          service,
          "^src/spec/",
          "^src/config\\.ts$",
          "^src/observers/",
        ],
      },
    },
    {
      name: "observers-are-for-the-service",
      comment: "The service attaches observers to runs; the command line shows their progress.",
      severity: "error",
      from: { path: "^src/", pathNot: [wiring, service, "^src/(observers|cli)/"] },
      to: { path: "^src/observers/", pathNot: contracts },
    },
    {
      name: "api-asks-the-service",
      comment: "The HTTP interface translates requests, and the service answers them.",
      severity: "error",
      from: { path: "^src/api/" },
      to: { path: "^src/", pathNot: [vocabulary, contracts, service, "^src/api/", "^src/http/"] },
    },
    {
      name: "cli-asks-the-service",
      comment:
        "The command line parses, asks the service, and prints. It opens no adapter but the observers that show progress.",
      severity: "error",
      from: { path: "^src/cli/", pathNot: operating },
      to: {
        path: "^src/",
        pathNot: [
          vocabulary,
          contracts,
          writtenPlaces,
          flow,
          service,
          "^src/(cli|spec|api|wiring|http)/",
          "^src/(config|app)\\.ts$",
          "^src/observers/",
        ],
      },
    },
    {
      name: "entrances-name-the-api",
      severity: "error",
      from: { path: "^src/", pathNot: [wiring, "^src/(api|cli)/"] },
      to: { path: "^src/api/" },
    },
    {
      name: "hono-in-the-api",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/api/" },
      to: { path: "node_modules/(hono|@hono)/" },
    },
    {
      name: "spec-stays-at-the-edge",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: ["^src/spec/", "^src/(app|index)\\.ts$", "^src/(cli|library|service|wiring)/"],
      },
      to: { path: "^src/spec/" },
    },
    {
      name: "one-package-one-folder",
      comment: "zod and yaml in spec/, onnxruntime in runtimes/, parquet in formats/, piscina in the host.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/spec/" },
      to: { path: "node_modules/(zod|yaml)/" },
    },
    {
      name: "onnx-in-runtimes",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/runtimes/" },
      to: { path: "node_modules/(onnxruntime-node|onnxruntime-common|@bufbuild)/" },
    },
    {
      name: "parquet-in-formats",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/formats/parquet/" },
      to: { path: "node_modules/(parquet-wasm|hyparquet[^/]*)/" },
    },
    {
      name: "piscina-in-the-host",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/host/" },
      to: { path: "node_modules/piscina/" },
    },
    {
      name: "bullmq-in-the-queue",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/dispatchers/queue/" },
      to: { path: "node_modules/(bullmq|ioredis)/" },
    },
    {
      name: "prometheus-in-metrics",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/observers/metrics/" },
      to: { path: "node_modules/prom-client/" },
    },
    {
      name: "opentelemetry-in-traces",
      comment: "The API alone; whoever traces brings an SDK.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/observers/traces/run-traces\\.ts$" },
      to: { path: "node_modules/@opentelemetry/" },
    },
    {
      name: "esbuild-in-hooks",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/hooks/" },
      to: { path: "node_modules/esbuild/" },
    },
    {
      name: "commander-in-cli",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(cli\\.ts|cli/)" },
      to: { path: "node_modules/commander/" },
    },
  ],
  options: {
    parser: "swc",
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "node", "default"],
    },
  },
};
