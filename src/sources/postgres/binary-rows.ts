/**
 * Rows of one query in PostgreSQL's binary format, straight from the socket into columns: the extended protocol, so that
 * values are bound, and as fast as `COPY … TO STDOUT (FORMAT binary)` (measured), which takes none. node-postgres is
 * handed the rest of the conversation back as soon as the last row was seen.
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
  /** What the query selects, in its order. */
  readonly columns: readonly InputColumn[];
  readonly chunkRows: number;
  readonly onBytes: (bytes: number) => void;
}

/** First bytes of messages: a row; and those that are for node-postgres to understand. */
const dataRow = 0x44;
const handedBack: ReadonlySet<number> = new Set([..."CEIZ"].map((letter) => letter.charCodeAt(0)));
const headBytes = 5;

/** What node-postgres calls besides what its types say. */
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
 * A query under way. Two decoders take turns: while the rows of one are used, the other is filled, and once that is full
 * the socket waits.
 */
export class BinaryRows implements pg.Submittable {
  /** Rows that the server says it sent; `null` until it said so. */
  rowsSent: number | null = null;
  /** Takes the rows that come. */
  private filling: RowDecoder;
  /** Its rows are in use until the next ones are asked for. */
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

  /** Starts it on a session that does nothing else meanwhile. */
  static start(session: Session, query: RowQuery): BinaryRows {
    return session.query(new BinaryRows(query));
  }

  get isDone(): boolean {
    return this.state !== "reading";
  }

  /** The next rows, good until the next ones are asked for; `null` after the last. @throws native errors, or ours */
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

  /** Rows that came while there was no room for them, then the socket again. */
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
      // The conversation is broken off in the middle: nobody could go on with it.
      this.failure = error;
      this.connection?.stream.destroy();
      this.end("failed");
      return;
    }
    if (this.filling.isFull) this.wake?.();
  }

  /** @returns where the first message begins that is not dealt with; -1 where the rest was handed back */
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
