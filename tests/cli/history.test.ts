/** Which lines of the REPL are kept. */
import * as assert from "uvu/assert";
import { maySecret } from "../../lib/cli/repl/history.js";
import { suite } from "../support/suite.js";

const test = suite("the REPL's history");

test("keeps no line with a secret that can be recognised", () => {
  const hex = "0123456789abcdef".repeat(4);
  for (const line of [
    ` const quiet = 1`,
    `process.env.LATCHKEY_KEY = "x"`,
    `const LATCHKEY_KEY = "x"`,
    `openLedger("x.db", { key: k })`,
    `const myKey = read()`,
    `const accessToken = "x"`,
    `let client_secret = "x"`,
    `let password = "x"`,
    `db.pass = ask(); db.passwd = 1`,
    `openLedger("postgres://ada:hunter2@db.example/x")`,
    `fetch("https://:word@example.com")`,
    `x = "ghp_0123456789"`,
    `x = "github_pat_0123456789"`,
    `x = "sk-0123456789"`,
    `x = "xoxb-0123456789"`,
    `x = "glpat-0123456789"`,
    `x = "eyJhbGciOiJub25lIn0.e30."`,
    `x = "AKIA0123456789ABCDEF"`,
    `x = "${hex}"`,
    `x = "${Buffer.from(hex, "hex").toString("base64")}"`,
    `headers.set("Authorization", x)`,
  ])
    assert.ok(maySecret(line), line);
});

test("keeps what people want back", () => {
  for (const line of [
    "1 + 1",
    "answer(entry.id)",
    "pending({ kind: 'permission.requested' })",
    "const monkey = 1",
    'session("1f0c2d3e-0000-4000-8000-000000000000")',
    'rpc.request("session.create", params)',
    ".connect tcp://127.0.0.1:4321",
    "events.on('*', console.log)",
    "Object.keypress",
  ])
    assert.not.ok(maySecret(line), line);
});
