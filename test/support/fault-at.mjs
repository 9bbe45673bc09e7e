// Preloaded with --import into a Nightshift process: something happens to it at its first read of a file that it opened.
// The product knows nothing of it; the files and the processes are the real ones.
//
// NIGHTSHIFT_FAULT is JSON: { role, path, nth, act, gate }
//   role  "coordinator" | "host" | "thread": whose openings count (each thread counts its own)
//   path  regular expression over the path that is opened
//   nth   which opening, from 1; 0: every one
//   act   "crash": the process dies as native code that reads garbage would
//         "hold": waits until the file `gate` exists, and says that it waits by making `gate.reached`
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const fault = process.env.NIGHTSHIFT_FAULT === undefined ? null : JSON.parse(process.env.NIGHTSHIFT_FAULT);
const isHost = process.argv[1]?.endsWith("worker-host.js") === true;
const role = !isMainThread ? "thread" : isHost ? "host" : "coordinator";
const { openSync, readSync, existsSync, writeFileSync } = fs;

if (fault !== null && fault.role === role) arm(fault);

function arm({ path, nth, act, gate }) {
  const pattern = new RegExp(path);
  let opened = 0;
  let armed = null;
  fs.openSync = (...args) => {
    const descriptor = openSync(...args);
    if (pattern.test(String(args[0]))) {
      opened += 1;
      if (nth === 0 || opened === nth) armed = descriptor;
    }
    return descriptor;
  };
  fs.readSync = (...args) => {
    if (args[0] === armed) {
      armed = null;
      acts[act](gate);
    }
    return readSync(...args);
  };
  syncBuiltinESMExports();
}

const acts = {
  crash() {
    process.kill(process.pid, "SIGSEGV");
    sleep(60_000);
  },
  hold(gate) {
    writeFileSync(`${gate}.reached`, "");
    while (!existsSync(gate)) sleep(5);
  },
};

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
