// Preloaded with --import into a Nightshift process: kills it (or its whole process group) with SIGKILL at one named file
// operation. The product knows nothing of it; the operations are the real ones.
//
// NIGHTSHIFT_KILL_AT is JSON: { role, op, path, text, nth, when, target, mark }
//   role  "coordinator" | "host": which process counts
//   op    open | write | sync | link | rename | symlink | mkdir | unlink | readSync
//   path  regular expression over the paths of the operation
//   text  of a write: a piece of what is written (optional)
//   nth   which match kills, from 1
//   when  "before" | "after" the operation
//   target  "self" | "both": only this process, or its whole group
//   mark  file that is made by killing; once it exists, no process is killed: a host that follows a killed one lives
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

// As they are before they are watched.
const { openSync: openForMark, closeSync } = fs;
const order =
  process.env.NIGHTSHIFT_KILL_AT === undefined ? null : JSON.parse(process.env.NIGHTSHIFT_KILL_AT);
// A coordinator has no threads of ours, and a thread's argv names its pool's file.
const role = !isMainThread || process.argv[1]?.endsWith("worker-host.js") === true ? "host" : "coordinator";

if (order !== null && order.role === role) arm(order);
if (process.env.NIGHTSHIFT_LOG_OPENS !== undefined) logOpens(JSON.parse(process.env.NIGHTSHIFT_LOG_OPENS));

/** Appends the path of every input that is opened to a file: what was read is counted from outside. */
function logOpens({ path, to }) {
  const pattern = new RegExp(path);
  const note = (opened) => {
    if (pattern.test(String(opened))) appendFileSync(to, `${opened}\n`);
  };
  const { openSync, appendFileSync } = fs;
  fs.openSync = (...args) => {
    note(args[0]);
    return openSync(...args);
  };
  const open = fs.promises.open;
  fs.promises.open = (...args) => {
    note(args[0]);
    return open(...args);
  };
  syncBuiltinESMExports();
}

function arm({ op, path, text, nth, when, target, mark }) {
  const pattern = new RegExp(path);
  let seen = 0;
  const hit = (moment, ...paths) => {
    if (!paths.some((each) => typeof each === "string" && pattern.test(each))) return;
    if (text !== undefined && !written.includes(text)) return;
    if (moment === "before") seen += 1;
    if (seen === nth && moment === when) kill(target, mark);
  };
  const openFiles = new Map();
  let written = "";

  const wrapPromise = (owner, name, pathsOf) => {
    const original = owner[name];
    owner[name] = async function (...args) {
      const paths = pathsOf(this, args);
      hit("before", ...paths);
      const result = await original.apply(this, args);
      hit("after", ...paths);
      return result;
    };
  };
  const wrapSync = (owner, name, pathsOf) => {
    const original = owner[name];
    owner[name] = function (...args) {
      const paths = pathsOf(this, args);
      hit("before", ...paths);
      const result = original.apply(this, args);
      hit("after", ...paths);
      return result;
    };
  };
  const asIs = (_self, args) => args;

  // The path of a FileHandle is not on it: remember it when it is opened.
  const open = fs.promises.open;
  fs.promises.open = async (...args) => {
    if (op === "open") hit("before", String(args[0]));
    const handle = await open(...args);
    openFiles.set(handle, String(args[0]));
    if (op === "open") hit("after", String(args[0]));
    if (op === "sync")
      for (const name of ["sync", "datasync"]) wrapPromise(handle, name, (self) => [openFiles.get(self)]);
    if (op === "write") {
      for (const name of ["write", "writeFile", "appendFile"]) {
        wrapPromise(handle, name, (self, [body]) => {
          if (text !== undefined) written = Buffer.from(body).toString("utf8");
          return [openFiles.get(self)];
        });
      }
    }
    return handle;
  };
  if (["link", "rename", "symlink", "mkdir", "unlink", "rm"].includes(op)) {
    wrapPromise(fs.promises, op, asIs);
    wrapSync(fs, `${op}Sync`, asIs);
  }
  const descriptors = new Map();
  const openSync = fs.openSync;
  fs.openSync = (...args) => {
    if (op === "open") hit("before", String(args[0]));
    const fd = openSync(...args);
    descriptors.set(fd, String(args[0]));
    if (op === "open") hit("after", String(args[0]));
    return fd;
  };
  if (op === "sync") wrapSync(fs, "fsyncSync", (_self, [fd]) => [descriptors.get(fd)]);
  if (op === "write") wrapSync(fs, "writeSync", (_self, [fd]) => [descriptors.get(fd)]);
  if (op === "readSync") wrapSync(fs, "readSync", (_self, [fd]) => [descriptors.get(fd)]);
  syncBuiltinESMExports();
}

function kill(target, mark) {
  try {
    closeSync(openForMark(mark, "wx"));
  } catch (error) {
    if (error.code === "EEXIST") return;
    throw error;
  }
  process.kill(target === "both" ? 0 : process.pid, "SIGKILL");
  // SIGKILL to a group may reach others first: do nothing more here.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
