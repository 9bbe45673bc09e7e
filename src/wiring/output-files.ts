/** The files of outputs: nothing is made, moved or removed outside of NIGHTSHIFT_OUTPUT_ROOT, wherever a job comes from. */
import { dirname } from "node:path";
import { SpecError } from "../errors.js";
import { isBelowRoot, isInside, realPath } from "../spec/inside-root.js";
import type { FileSystem } from "../stores/file-system.js";

/** The file layer of sinks, in coordinators and workers alike. @param outputRoot absolute; `null`: anywhere */
export async function outputFileSystem(outputRoot: string | null): Promise<FileSystem> {
  const { localFileSystem } = await import("../stores/local/local-file-system.js");
  return outputRoot === null ? localFileSystem() : confinedFileSystem(localFileSystem(), outputRoot);
}

/**
 * Refuses every change outside of a directory. Paths are resolved right before each change, so a symlink that was put
 * there later is seen, too; what a symlink is changed to between that look and the change itself is not.
 */
function confinedFileSystem(fileSystem: FileSystem, root: string): FileSystem {
  /** For changes that do not follow the last step of a path. */
  const refuseEntry = (path: string): void => {
    if (!isInside(realPath(dirname(path)), realPath(root))) throw outside(path, root);
  };
  const refuseDirectory = (path: string): void => {
    // The root itself may have to be made first.
    if (!isInside(root, path)) refuseOutside(path, root);
  };
  return {
    ...fileSystem,
    mkdir: async (path) => {
      refuseDirectory(path);
      return fileSystem.mkdir(path);
    },
    writeFile: async (path, body) => {
      refuseEntry(path);
      return fileSystem.writeFile(path, body);
    },
    create: async (path) => {
      refuseEntry(path);
      return fileSystem.create(path);
    },
    link: async (from, to) => {
      refuseEntry(to);
      return fileSystem.link(from, to);
    },
    symlink: async (target, path) => {
      refuseEntry(path);
      return fileSystem.symlink(target, path);
    },
    rename: async (from, to) => {
      refuseEntry(from);
      refuseEntry(to);
      return fileSystem.rename(from, to);
    },
    unlink: async (path) => {
      refuseEntry(path);
      return fileSystem.unlink(path);
    },
    removeTree: async (path) => {
      refuseEntry(path);
      return fileSystem.removeTree(path);
    },
  };
}

/** @throws SpecError `refused.outside-output-root` for what does not lie strictly below the root */
export function refuseOutside(path: string, outputRoot: string | null): void {
  if (outputRoot !== null && !isBelowRoot(path, outputRoot)) throw outside(path, outputRoot);
}

function outside(path: string, outputRoot: string): SpecError {
  return new SpecError(
    "refused.outside-output-root",
    `${path} does not lie below NIGHTSHIFT_OUTPUT_ROOT, ${outputRoot}`,
    { hint: "Write below it, or ask the operator who set it." },
  );
}
