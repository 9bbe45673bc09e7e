/** Defines every metric by name. Seconds and bytes; no run ids and no partitions in labels. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** From a fraction of a second to a night. */
const runBuckets = [1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800];
const stepBuckets = [0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600];
const loadBuckets = [0.01, 0.05, 0.25, 1, 5, 15, 60];

export type Families = ReturnType<typeof families>;

export function families(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = <L extends string>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: L[]
  ): Histogram<L> => new Histogram({ name, help, buckets, labelNames, registers });

  return {
    lastSuccess: gauge(
      "nightshift_job_last_success_timestamp_seconds",
      "When a run of the job was last published.",
      "job",
    ),
    freshness: gauge(
      "nightshift_job_freshness_seconds",
      "Age of the job's predictions: since the end of the newest published interval, else since the last publication.",
      "job",
    ),
    runs: counter(
      "nightshift_runs_total",
      "Runs that ended in this process, by how they ended.",
      "job",
      "trigger",
      "status",
    ),
    runDuration: histogram(
      "nightshift_run_duration_seconds",
      "From the request to its end, planning and publishing included.",
      runBuckets,
      "job",
    ),
    rowsRead: counter("nightshift_rows_read_total", "Rows read in accepted partitions.", "job"),
    rowsPredicted: counter(
      "nightshift_rows_predicted_total",
      "Rows predicted in accepted partitions.",
      "job",
    ),
    rowsWritten: counter("nightshift_rows_written_total", "Predicted rows that were published.", "job"),
    rowsQuarantined: counter(
      "nightshift_rows_quarantined_total",
      "Rows quarantined in accepted partitions.",
      "job",
    ),
    bytesRead: counter("nightshift_bytes_read_total", "Bytes read for accepted partitions.", "job"),
    bytesWritten: counter("nightshift_bytes_written_total", "Bytes staged by accepted partitions.", "job"),
    stepDuration: histogram(
      "nightshift_step_duration_seconds",
      "Seconds of a step in one accepted partition; of plan and publish in one run.",
      stepBuckets,
      "step",
    ),
    attempts: counter(
      "nightshift_partition_attempts_total",
      "Attempts at partitions that ended in this process, by how they ended.",
      "outcome",
    ),
    fenced: counter(
      "nightshift_receipts_fenced_total",
      "Receipts that came too late: another attempt held the partition by then.",
    ),
    queuePending: gauge(
      "nightshift_queue_pending",
      "Messages in the queue that no worker has taken.",
      "queue",
    ),
    modelLoad: histogram(
      "nightshift_model_load_seconds",
      "Time that a thread took to load a model.",
      loadBuckets,
    ),
    modelInfo: gauge(
      "nightshift_model_info",
      "1 for each model that this process has run a plan with.",
      "model",
      "sha256",
      "engine",
      "provider",
    ),
    hostRestarts: counter(
      "nightshift_host_restarts_total",
      "Worker hosts that died and were replaced.",
      "reason",
    ),
  };
}
