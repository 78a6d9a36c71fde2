import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));

/** The SQL that docs/ledger.md gives, with its names filled in: what is documented is what is tested. */
export function brokerGrants(names: { schema: string; role: string; principal: string; password: string }): string {
  const page = readFileSync(join(root, "docs/ledger.md"), "utf8");
  const [, sql] = /```sql\n(-- A broker[\s\S]*?)```/.exec(page) ?? [];
  if (sql === undefined) throw new Error("docs/ledger.md gives no grants for a broker");
  return sql
    .replaceAll("latchkey.", `${names.schema}.`)
    .replaceAll("SCHEMA latchkey", `SCHEMA ${names.schema}`)
    .replaceAll("ada_broker", names.role)
    .replaceAll("'ada'", `'${names.principal}'`)
    .replaceAll("'a password'", `'${names.password}'`);
}
