/**
 * Checks the privileges in the schema `nightshift` that staging and publishing need, before anything runs.
 */
import { InfraError } from "../../errors.js";
import { quoteName } from "../../postgres/identifiers.js";
import type { Session } from "../../postgres/session.js";

const tables = ["targets", "runs", "attempts", "publications", "quarantine"] as const;
const rights = ["select", "insert", "update", "delete"] as const;

/** @throws InfraError `infra.permission`, with the GRANTs that are missing */
export async function refuseWithoutOwnRights(session: Session): Promise<void> {
  const { rows } = await session.query<{ role: string; create: boolean; missing: string[] }>(
    `select current_user::text as role, has_schema_privilege('nightshift', 'create') as create,
            array(select t from unnest($1::text[]) with ordinality as each (t, place)
                  where exists (select from unnest($2::text[]) r
                                where not has_table_privilege(format('nightshift.%I', t), r)) order by place) as missing`,
    [tables, rights],
  );
  const [found] = rows;
  if (found === undefined || (found.create && found.missing.length === 0)) return;
  const to = `to ${quoteName(found.role)};`;
  const places = found.missing.map((table) => `nightshift.${table}`).join(", ");
  const grants = [
    ...(found.create ? [] : [`grant create on schema nightshift ${to}`]),
    ...(places === "" ? [] : [`grant ${rights.join(", ")} on ${places} ${to}`]),
  ];
  throw new InfraError("infra.permission", `The role ${found.role} lacks rights in the schema nightshift.`, {
    hint: `As the role that migrated: ${grants.join(" ")}`,
  });
}
