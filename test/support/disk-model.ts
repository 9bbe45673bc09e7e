/**
 * What a power cut leaves of a sequence of file operations. A file's contents are durable once synced; a name in a
 * directory (and its being gone) once that directory is. Everything else may be lost, or may have been kept.
 */
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths are relative to the recorded root. `site`: the line of code that asked for it. */
export type Operation =
  | { readonly op: "mkdir"; readonly path: string }
  | { readonly op: "write"; readonly path: string; readonly body: Uint8Array }
  | { readonly op: "create"; readonly path: string }
  | { readonly op: "append"; readonly path: string; readonly body: Uint8Array }
  | { readonly op: "sync"; readonly path: string }
  | { readonly op: "link" | "rename"; readonly path: string; readonly to: string }
  | { readonly op: "symlink"; readonly path: string; readonly target: string }
  | { readonly op: "unlink" | "removeTree"; readonly path: string }
  | { readonly op: "syncDirectory"; readonly path: string; readonly site: string };

/** Takes durability away from operations, as forgetting an fsync would. */
export type Fault = (operation: Operation) => boolean;

type Node = FileNode | DirectoryNode | { readonly kind: "symlink"; readonly target: string };

interface FileNode {
  readonly kind: "file";
  /** Equal for one file in two replays of one recording. */
  readonly id: number;
  contents: Uint8Array;
  durable: Uint8Array | null;
}

interface DirectoryNode {
  readonly kind: "directory";
  readonly names: Map<string, Node>;
  durable: ReadonlyMap<string, Node>;
}

/** How a crash treats one directory's unsynced changes. */
type Fate = "kept" | "lost" | "only-additions" | "only-removals";

export interface DiskState {
  readonly name: string;
  /** Equal for states that look alike. */
  readonly key: string;
  materialise(root: string): void;
}

export class DiskModel {
  private readonly root = directory();
  private filesMade = 0;

  static after(operations: readonly Operation[], fault: Fault = () => false): DiskModel {
    const model = new DiskModel();
    for (const operation of operations) model.apply(operation, fault(operation));
    return model;
  }

  /** A process that is killed loses nothing: the page cache lives on. */
  afterKill(): DiskState {
    return this.state("kept", () => "kept", "kept");
  }

  /** What a power cut must be expected to leave at the worst. */
  afterPowerCut(): DiskState {
    return this.state("lost", () => "lost", "lost");
  }

  /** Every combination worth telling apart, without those that look alike. */
  everyAftermath(): readonly DiskState[] {
    const dirty = this.dirtyDirectories();
    const states = [
      this.afterKill(),
      this.afterPowerCut(),
      this.state("names kept, contents lost", () => "kept", "lost"),
      this.state("only additions", () => "only-additions", "lost"),
      this.state("only removals", () => "only-removals", "lost"),
      ...dirty.flatMap(([path, one]) => [
        this.state(`only ${path} kept`, (node) => (node === one ? "kept" : "lost"), "lost"),
        this.state(`only ${path} lost`, (node) => (node === one ? "lost" : "kept"), "lost"),
      ]),
    ];
    return [...new Map(states.map((state) => [state.key, state])).values()];
  }

  private apply(operation: Operation, notDurable: boolean): void {
    const { path } = operation;
    switch (operation.op) {
      case "mkdir":
        this.makeDirectories(path);
        break;
      case "write":
        this.put(path, this.file(operation.body, notDurable ? null : operation.body));
        break;
      case "create":
        this.put(path, this.file(new Uint8Array(), null));
        break;
      case "append": {
        const node = this.fileAt(path);
        node.contents = Buffer.concat([node.contents, operation.body]);
        break;
      }
      case "sync":
        if (!notDurable) this.fileAt(path).durable = this.fileAt(path).contents;
        break;
      case "link":
        this.put(operation.to, this.nodeAt(path));
        break;
      case "rename": {
        const node = this.nodeAt(path);
        this.drop(path);
        this.put(operation.to, node);
        break;
      }
      case "symlink":
        this.put(path, { kind: "symlink", target: operation.target });
        break;
      case "unlink":
      case "removeTree":
        this.drop(path);
        break;
      case "syncDirectory": {
        const node = this.directoryAt(path);
        if (!notDurable) node.durable = new Map(node.names);
        break;
      }
    }
  }

  private file(contents: Uint8Array, durable: Uint8Array | null): FileNode {
    return { kind: "file", id: this.filesMade++, contents, durable };
  }

  private state(name: string, fateOf: (node: DirectoryNode) => Fate, contents: "kept" | "lost"): DiskState {
    const root = this.root;
    return {
      name,
      key: describe(root, fateOf, contents),
      materialise: (at) => write(root, at, fateOf, contents, new Map()),
    };
  }

  private dirtyDirectories(): readonly (readonly [path: string, node: DirectoryNode])[] {
    const found = new Map<DirectoryNode, string>();
    const walk = (node: DirectoryNode, path: string): void => {
      if (found.has(node)) return;
      if (!isClean(node)) found.set(node, path);
      for (const [name, child] of [...node.durable, ...node.names]) {
        if (child.kind === "directory") walk(child, `${path}/${name}`);
      }
    };
    walk(this.root, "");
    return [...found].map(([node, path]) => [path, node]);
  }

  private makeDirectories(path: string): void {
    let at = this.root;
    for (const name of parts(path)) {
      const next = at.names.get(name) ?? directory();
      if (next.kind !== "directory") throw new Error(`${path} runs through a ${next.kind}`);
      at.names.set(name, next);
      at = next;
    }
  }

  private nodeAt(path: string): Node {
    let at: Node = this.root;
    for (const name of parts(path)) {
      const next: Node | undefined = at.kind === "directory" ? at.names.get(name) : undefined;
      if (next === undefined) throw new Error(`${path} was never made`);
      at = next;
    }
    return at;
  }

  private fileAt(path: string): FileNode {
    const node = this.nodeAt(path);
    if (node.kind !== "file") throw new Error(`${path} is a ${node.kind}`);
    return node;
  }

  private directoryAt(path: string): DirectoryNode {
    const node = this.nodeAt(path);
    if (node.kind !== "directory") throw new Error(`${path} is a ${node.kind}`);
    return node;
  }

  private put(path: string, node: Node): void {
    const names = parts(path);
    this.directoryAt(names.slice(0, -1).join("/")).names.set(names.at(-1) ?? "", node);
  }

  private drop(path: string): void {
    const names = parts(path);
    this.directoryAt(names.slice(0, -1).join("/")).names.delete(names.at(-1) ?? "");
  }
}

function directory(): DirectoryNode {
  return { kind: "directory", names: new Map(), durable: new Map() };
}

function parts(path: string): readonly string[] {
  return path.split("/").filter((part) => part !== "");
}

function isClean(node: DirectoryNode): boolean {
  const { names, durable } = node;
  return names.size === durable.size && [...names].every(([name, child]) => durable.get(name) === child);
}

function namesAfter(node: DirectoryNode, fate: Fate): ReadonlyMap<string, Node> {
  switch (fate) {
    case "kept":
      return node.names;
    case "lost":
      return node.durable;
    case "only-additions":
      return new Map([...node.durable, ...node.names]);
    case "only-removals":
      return new Map([...node.durable].filter(([name]) => node.names.has(name)));
  }
}

function contentsAfter(node: FileNode, contents: "kept" | "lost"): Uint8Array {
  return contents === "kept" ? node.contents : (node.durable ?? new Uint8Array());
}

function describe(node: Node, fateOf: (node: DirectoryNode) => Fate, contents: "kept" | "lost"): string {
  if (node.kind === "symlink") return `-> ${node.target}`;
  if (node.kind === "file") return `${node.id}:${contentsAfter(node, contents).byteLength}`;
  const names = [...namesAfter(node, fateOf(node))].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${names.map(([name, child]) => `${name}:${describe(child, fateOf, contents)}`).join(",")}}`;
}

function write(
  node: Node,
  path: string,
  fateOf: (node: DirectoryNode) => Fate,
  contents: "kept" | "lost",
  written: Map<Node, string>,
): void {
  const before = written.get(node);
  if (node.kind === "symlink") symlinkSync(node.target, path);
  else if (node.kind === "directory") {
    mkdirSync(path, { recursive: true });
    for (const [name, child] of namesAfter(node, fateOf(node))) {
      write(child, join(path, name), fateOf, contents, written);
    }
  } else if (before !== undefined) linkSync(before, path);
  else writeFileSync(path, contentsAfter(node, contents));
  written.set(node, path);
}
