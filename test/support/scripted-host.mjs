// A worker host that follows a script: the partition's only slice names a file whose text is the script, and every
// call takes its next line. Lines: succeed | searched | crash <from> <to> <digest> | fail | flake | die | hang | wait <ms> | grow <MiB> | tell <times>. The last line is repeated.
import { appendFileSync, existsSync, readFileSync, writeSync } from "node:fs";

const breadcrumbFd = Number(process.argv[3]);
const cancelled = new Set();
/** Memory that is never released. */
const kept = [];

process.on("disconnect", () => process.exit(0));
process.on("message", async (message) => {
  if (message.cancel) {
    cancelled.add(message.id);
    return;
  }
  const { id, request } = message;
  const { task, attemptId } = request;
  const script = task.partition.slices[0].file.path;
  const step = nextStep(script);
  writeSync(breadcrumbFd, `+${script}\n`);
  process.send({ id, type: "item", item: { rows: 1, quarantined: 0, step: "predict" } });
  switch (step.split(" ")[0]) {
    case "crash": {
      const [, from, to, digest] = step.split(" ");
      writeSync(breadcrumbFd, `+rows ${attemptId} ${from} ${to} ${digest}\n`);
      process.kill(process.pid, "SIGFPE");
      return;
    }
    case "searched":
      process.send({ id, type: "result", result: "searched" });
      break;
    case "die":
      process.kill(process.pid, "SIGKILL");
      return;
    case "fail":
      fail(id, { kind: "data", code: "data.corrupt", message: "as told", retryable: false, details: {} });
      break;
    case "flake":
      fail(id, { kind: "infra", code: "infra.io", message: "as told", retryable: true, details: {} });
      break;
    case "hang":
      while (!cancelled.has(id)) await new Promise((resolve) => setTimeout(resolve, 5));
      fail(id, {
        kind: "cancelled",
        code: "cancelled",
        message: "interrupted",
        retryable: false,
        details: {},
      });
      break;
    case "tell":
      for (let time = 0; time < Number(step.split(" ")[1]); time++) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        process.send({ id, type: "item", item: { rows: time, quarantined: 0, step: "predict" } });
      }
      succeed(id, task, attemptId);
      break;
    case "grow":
      kept.push(Buffer.alloc(Number(step.split(" ")[1]) * 1024 * 1024, 1));
      succeed(id, task, attemptId);
      break;
    case "wait":
      await new Promise((resolve) => setTimeout(resolve, Number(step.split(" ")[1])));
      succeed(id, task, attemptId);
      break;
    default:
      succeed(id, task, attemptId);
  }
  writeSync(breadcrumbFd, `-${script}\n`);
});

function nextStep(script) {
  const lines = readFileSync(script, "utf8").trim().split("\n");
  const counter = `${script}.attempts`;
  const taken = existsSync(counter) ? readFileSync(counter, "utf8").length : 0;
  appendFileSync(counter, "x");
  return lines[Math.min(taken, lines.length - 1)];
}

function fail(id, error) {
  process.send({ id, type: "error", error });
}

function succeed(id, task, attemptId) {
  const rows = { read: task.partition.rows, predicted: task.partition.rows, quarantined: 0, filtered: 0 };
  const seconds = { read: 0, bind: 0, predict: 0, attach: 0, write: 0, stage: 0 };
  const stats = { seconds, bytesRead: 0, bytesWritten: 0 };
  const result = { ref: task.ref, attemptId, files: [], quarantine: [], rows, reasons: {}, stats };
  process.send({ id, type: "result", result });
}
