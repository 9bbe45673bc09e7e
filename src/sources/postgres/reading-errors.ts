/**
 * Errors of reading that are the query's own: to whoever wrote it, the general words for them would say the wrong thing. The
 * server's words are left out where they quote values.
 */
import { DataError, type NightshiftError, SpecError } from "../../errors.js";
import { type ErrorPlace, postgresError } from "../../postgres/postgres-errors.js";

/** In a transaction of ours that only reads. What is ours already stays as it is. */
export function readingError(thrown: unknown, place: ErrorPlace): NightshiftError {
  const error = queryError(thrown, place);
  if (sqlStateOf(error) !== "25006" && !writesInside(error)) return error;
  return new SpecError(
    "postgres.query-writes",
    `${place.address}: the input would change something${during(place)}, and it is only read (${saidIn(error)}).`,
    {
      hint: "Leave out what writes: data-modifying WITH, FOR UPDATE, nextval and functions like these.",
      ...optionsOf(error),
    },
  );
}

/** Of a query, whatever it is run in. */
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
  // The server has no function or operator, or types that do not fit: the other ones of this class have their own words.
  if (sqlState.startsWith("42") && error.code === "infra.postgres")
    return new SpecError("postgres.query-refused", `${place.address}: ${saidIn(error)}${during(place)}.`, {
      hint: "Correct the query, or the types of its values: $1::bigint, say.",
      ...optionsOf(error),
    });
  return error;
}

const valueErrors: { readonly [sqlState: string]: string } = {
  "22003": "a number is out of its type's range",
  "22007": "a text is no date or time",
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

/** The server's own words. */
function saidIn({ cause, message }: NightshiftError): string {
  return cause instanceof Error ? cause.message : message;
}

function during({ doing }: ErrorPlace): string {
  return doing === undefined ? "" : ` while ${doing}`;
}

function optionsOf({ details, cause }: NightshiftError) {
  return { details, cause };
}
