/**
 * Errors that the author's query causes: the general texts for them would be misleading. The server's text is
 * omitted if it contains values.
 */
import { DataError, type NightshiftError, SpecError } from "../../errors.js";
import { type ErrorPlace, postgresError } from "../../postgres/postgres-errors.js";

/** For a read-only transaction of Nightshift. Errors of this project are returned unchanged. */
export function readingError(thrown: unknown, place: ErrorPlace): NightshiftError {
  const error = queryError(thrown, place);
  if (sqlStateOf(error) !== "25006" && !writesInside(error)) return error;
  return new SpecError(
    "postgres.query-writes",
    `${place.address}: the input would write to the database${during(place)}, and the transaction is read-only (${saidIn(error)}).`,
    {
      hint: "Remove everything that writes: data-modifying WITH, FOR UPDATE, nextval and functions like these.",
      ...optionsOf(error),
    },
  );
}

/** For a query in any context. */
export function queryError(thrown: unknown, place: ErrorPlace): NightshiftError {
  const error = postgresError(thrown, place);
  const sqlState = sqlStateOf(error);
  if (error.code === "data.database-value")
    return new DataError(
      "data.query-value",
      `${place.address}: ${valueErrors[sqlState] ?? "a value is not what an expression needs"}${during(place)}.`,
      {
        hint: "Correct the query, input.params or the rows. The server's log shows the statement and the value.",
        ...optionsOf(error),
      },
    );
  // The function or operator does not exist, or the types do not fit: other errors of this class have their
  // own texts.
  if (sqlState.startsWith("42") && error.code === "infra.postgres")
    return new SpecError("postgres.query-refused", `${place.address}: ${saidIn(error)}${during(place)}.`, {
      hint: "Correct the query, or the types of its values: $1::bigint, say.",
      ...optionsOf(error),
    });
  return error;
}

const valueErrors: { readonly [sqlState: string]: string } = {
  "22003": "a number is out of its type's range",
  "22007": "a text is not a date or time",
  "22008": "a date or time is out of range",
  "22012": "a division by zero",
  "2202E": "an array's subscripts do not fit",
  "22P02": "invalid query value: a text is not valid for the type that the query expects",
};

function sqlStateOf({ details }: NightshiftError): string {
  return typeof details.sqlstate === "string" ? details.sqlstate : "";
}

function writesInside(error: NightshiftError): boolean {
  return sqlStateOf(error) === "0A000" && saidIn(error).includes("data-modifying");
}

/** Returns the server's own text. */
function saidIn({ cause, message }: NightshiftError): string {
  return cause instanceof Error ? cause.message : message;
}

function during({ doing }: ErrorPlace): string {
  return doing === undefined ? "" : ` while ${doing}`;
}

function optionsOf({ details, cause }: NightshiftError) {
  return { details, cause };
}
