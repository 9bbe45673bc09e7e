// Ends a test's server when the process that it was started for is gone, however it went. Arguments: that process' id,
// the server's, and the directory that holds all there is of it.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const [, , watched, directory] = process.argv;

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
};

const postmaster = () => {
  try {
    return Number(readFileSync(join(directory, "data/postmaster.pid"), "utf8").split("\n")[0]);
  } catch {
    return null;
  }
};

const timer = setInterval(() => {
  if (isAlive(Number(watched))) return;
  clearInterval(timer);
  const server = postmaster();
  if (server !== null && isAlive(server)) process.kill(server, "SIGQUIT");
  setTimeout(() => rmSync(directory, { recursive: true, force: true }), 2000);
}, 500);
