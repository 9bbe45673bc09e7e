/**
 * Decodes rows of one query in PostgreSQL's binary format, directly from the socket into columns. It uses the
 * extended protocol, so that values are bound, and is as fast as `COPY … TO STDOUT (FORMAT binary)`
 * (measured), which accepts no values. After the last row, node-postgres handles the rest of the
 * conversation.
 */
import type { RecordBatch } from "apache-arrow";
import type pg from "pg";
import type { Session } from "../../postgres/session.js";
import type { Wired } from "./decode/column-builder.js";
import { RowDecoder } from "./decode/row-decoder.js";
import type { InputColumn } from "./describe-input.js";

export interface RowQuery {
  readonly text: string;
  /** As text; the server knows their types. */
  readonly values: readonly (string | null)[];
  /** The columns that the query selects, in order. */
  readonly columns: readonly InputColumn[];
  readonly chunkRows: number;
  readonly onBytes: (bytes: number) => void;
}

/** First bytes of messages: a row, and messages that node-postgres has to handle. */
const dataRow = 0x44;
const handedBack: ReadonlySet<number> = new Set([..."CEIZ"].map((letter) => letter.charCodeAt(0)));
const headBytes = 5;

/** Functions of node-postgres that its types do not declare. */
interface WireConnection {
  readonly stream: NodeJS.ReadableStream & {
    listeners(event: "data"): ((bytes: Buffer) => void)[];
    cork(): void;
    uncork(): void;
    destroy(): void;
  };
  parse(query: { readonly text: string }): void;
  bind(config: { readonly values: readonly (string | null)[]; readonly binary: true }): void;
  execute(config: object): void;
  sync(): void;
}

/**
 * A running query with two decoders: while the rows of one are in use, the other is filled; once that is
 * full, the socket is paused.
 */
export class BinaryRows implements pg.Submittable {
  /** Number of rows that the server reports; `null` before it does. */
  rowsSent: number | null = null;
  /** The decoder that is being filled. */
  private filling: RowDecoder;
  /** The decoder whose rows are in use until the next ones are requested. */
  private lent: RowDecoder;
  private connection: WireConnection | null = null;
  private usual: ((bytes: Buffer) => void) | null = null;
  private parts: Buffer[] = [];
  private partBytes = 0;
  private neededBytes = headBytes;
  private state: "reading" | "ended" | "failed" = "reading";
  private failure: unknown = null;
  private wake: (() => void) | null = null;

  constructor(private readonly query: RowQuery) {
    const { columns, chunkRows } = query;
    this.filling = new RowDecoder(columns, chunkRows);
    this.lent = new RowDecoder(columns, chunkRows);
  }

  /** Starts the query on a session that does nothing else meanwhile. */
  static start(session: Session, query: RowQuery): BinaryRows {
    return session.query(new BinaryRows(query));
  }

  get isDone(): boolean {
    return this.state !== "reading";
  }

  /**
   * Returns the next rows, valid until the following call; `null` after the last. @throws native errors, or
   * errors of this project
   */
  async next(): Promise<RecordBatch | null> {
    while (!this.filling.isFull && this.state === "reading") {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.state === "failed") throw this.failure;
    if (this.filling.rows === 0) return null;
    const batch = this.filling.take();
    [this.filling, this.lent] = [this.lent, this.filling];
    this.goOn();
    return batch;
  }

  submit(given: pg.Connection): void {
    const connection = given as unknown as WireConnection;
    const { text, values } = this.query;
    const { stream } = connection;
    this.connection = connection;
    this.usual = stream.listeners("data")[0] ?? null;
    if (this.usual !== null) stream.removeListener("data", this.usual);
    stream.on("data", this.onData);
    stream.cork();
    connection.parse({ text });
    connection.bind({ values, binary: true });
    connection.execute({});
    connection.sync();
    stream.uncork();
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.rowsSent = Number(/^SELECT (\d+)$/.exec(text)?.[1] ?? Number.NaN);
  }

  handleReadyForQuery(): void {
    this.end("ended");
  }

  handleError(error: unknown): void {
    this.failure ??= error;
    this.end("failed");
  }

  private readonly onData = (bytes: Buffer): void => {
    this.query.onBytes(bytes.length);
    this.parts.push(bytes);
    this.partBytes += bytes.length;
    if (this.partBytes >= this.neededBytes) this.parse();
  };

  /** Decodes the rows that were buffered while there was no space, then resumes the socket. */
  private goOn(): void {
    if (this.partBytes >= this.neededBytes && this.usual !== null) this.parse();
    if (!this.filling.isFull) this.connection?.stream.resume();
  }

  private parse(): void {
    const bytes = this.joined();
    const from: Wired = {
      bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    };
    try {
      this.keep(bytes, this.decodeRows(from));
    } catch (error) {
      // The conversation was interrupted and cannot be continued.
      this.failure = error;
      this.connection?.stream.destroy();
      this.end("failed");
      return;
    }
    if (this.filling.isFull) this.wake?.();
  }

  /** @returns the position of the first unprocessed message; -1 if node-postgres handles the rest */
  private decodeRows({ bytes, view }: Wired): number {
    const from = { bytes, view };
    let start = 0;
    this.neededBytes = headBytes;
    while (start + headBytes <= bytes.length) {
      const code = bytes[start] ?? 0;
      if (handedBack.has(code)) {
        this.giveBack(Buffer.from(bytes.buffer, bytes.byteOffset + start, bytes.length - start));
        return -1;
      }
      const end = start + 1 + view.getUint32(start + 1);
      if (end > bytes.length) {
        this.neededBytes = end - start;
        break;
      }
      if (code === dataRow) {
        if (this.filling.isFull) {
          this.connection?.stream.pause();
          break;
        }
        this.filling.decode(from, start + headBytes);
      }
      start = end;
    }
    return start;
  }

  private joined(): Buffer {
    const [first, ...more] = this.parts;
    this.partBytes = 0;
    const all = first !== undefined && more.length === 0 ? first : Buffer.concat(this.parts);
    this.parts = [];
    return all;
  }

  private keep(bytes: Buffer, start: number): void {
    if (start < 0 || start === bytes.length) return;
    this.parts = [bytes.subarray(start)];
    this.partBytes = bytes.length - start;
  }

  private giveBack(rest: Buffer): void {
    const { connection, usual } = this;
    this.usual = null;
    if (connection === null || usual === null) return;
    connection.stream.removeListener("data", this.onData);
    connection.stream.on("data", usual);
    usual(rest);
    connection.stream.resume();
  }

  private end(state: "ended" | "failed"): void {
    if (this.state === "reading") this.state = state;
    this.wake?.();
  }
}
