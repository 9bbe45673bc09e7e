import type { InfraError } from "../../src/errors.js";
import type { FileSystem } from "../../src/file-system.js";

export function nodeFileSystem(errorClass: typeof InfraError): FileSystem;
