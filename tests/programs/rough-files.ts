/**
 * Opens a ledger, and opens it again, where the file system refuses a call or the user is another: `rough-files.js RULE FILE`.
 * Prints a line of JSON for each try.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const [rule = "", file = ""] = process.argv.slice(2);
const [what, how = ""] = rule.split(":");
const refuse = (call: string) => (): never => {
  throw Object.assign(new Error(`${how}: not supported, ${call}`), { code: how });
};

if (what === "folder-fsync") {
  const { fsyncSync } = fs;
  const fail = refuse("fsync");
  Object.assign(fs, { fsyncSync: (fd: number) => (fs.fstatSync(fd).isDirectory() ? fail() : fsyncSync(fd)) });
} else if (what === "user") {
  Object.assign(process, { geteuid: how === "none" ? undefined : () => Number(how), getuid: undefined });
} else if (what !== "none") Object.assign(fs, { [`${what}Sync`]: refuse(what ?? "") });
syncBuiltinESMExports();

const { openLedger } = await import("latchkey/ledger");
for (let tries = 0; tries < 2; tries++) {
  const said = await openLedger(file).then(
    async (ledger) => {
      await ledger.close();
      return { opened: true };
    },
    (error: Error & { code?: string }) => ({ name: error.name, code: error.code, message: error.message }),
  );
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
