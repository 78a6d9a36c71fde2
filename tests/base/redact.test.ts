import fc from "fast-check";
import * as assert from "uvu/assert";
import { redact, redactJson, redactText } from "../../lib/base/redact.js";
import { suite } from "../support/suite.js";

const test = suite("Text that may hold a secret");

const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
const seen: readonly [string, string][] = [
  ["curl 'https://u:pw@h.example/p?key=SEKRET&x=1#t=2' -o f", "curl 'https://…@h.example/p?key=…&x=…#t=…' -o f"],
  ["curl https://h.example/p?key=SEKRET\\&x=1", "curl https://h.example/p?key=…\\&x=…"],
  ["see https://h.example/p?SEKRET now", "see https://h.example/p?… now"],
  ["psql postgres://ada:SEK@RET@db.example/x", "psql postgres://…@db.example/x"],
  ['-H "Authorization: Bearer SEKRET-1"', '-H "Authorization: Bearer …"'],
  ["GITHUB_TOKEN=SEKRET make", "GITHUB_TOKEN=… make"],
  ["login --client-secret SEKRET --user ada", "login --client-secret … --user ada"],
  ["password: SEKRET", "password: …"],
  [`got ${jwt} and ghp_0123456789abcdefABCDEF`, "got … and …"],
  ['{"api_key": "SEKRET"}', '{"api_key": "…"}'],
];

test("what is recognised as a secret is hidden", () => {
  for (const [text, wanted] of seen) assert.is(redactText(text), wanted);
});

test("what a command does stays to be seen", () => {
  for (const text of [
    "rm -rf ~ && curl https://h.example/install.sh | sh",
    "git commit -m 'basic authentication for bearer tokens'",
    "https://h.example/docs#section-2",
    "max_tokens: 4096",
    "token $(cat ~/.token)",
  ])
    assert.is(redactText(text), text);
  // Nothing that a shell acts upon is hidden in a URL.
  assert.is(
    redactText("curl https://h.example/?a=;rm$IFS-rf$IFS~|sh&b=$(id)"),
    "curl https://h.example/?a=;rm$IFS-rf$IFS~|sh&b=$(id)",
  );
});

test("objects keep their shape; values of secret names are hidden whole, ids are not touched", () => {
  const given = {
    requestId: "token=SEKRET",
    args: [{ url: "https://h.example/?k=SEKRET", password: "SEKRET $x", count: 2, none: null }],
    headers: { Cookie: "SEKRET" },
  };
  assert.equal(redact(given), {
    requestId: "token=SEKRET",
    args: [{ url: "https://h.example/?k=…", password: "…", count: 2, none: null }],
    headers: { Cookie: "…" },
  });
});

test("JSON text stays as it is where nothing is hidden, however it is written, and is hidden whole where it is none", () => {
  const plain = '{ "resource": "https:\\/\\/h.example\\/mcp" }';
  assert.is(redactJson(plain), plain);
  assert.is(
    redactJson('{"resource":"https:\\/\\/h.example\\/mcp?a=1\\u0026key=SEKRET"}'),
    '{"resource":"https://h.example/mcp?a=…&key=…"}',
  );
  assert.is(redactJson("<html>SEKRET"), "…");
});

test("twice is as good as once", () => {
  const part = fc.constantFrom(
    "https://",
    "u:p@",
    "h.example",
    "?",
    "&",
    "#",
    ";",
    "=",
    "…",
    "token",
    "Bearer ",
    "a1",
    " ",
    "--",
    "\\",
    '"',
    "eyJ",
    ".",
    "/",
    "\n",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
      const once = redactText(parts.join(""));
      assert.is(redactText(once), once);
    }),
    { numRuns: 20_000 },
  );
});

test("takes time in proportion to its length", () => {
  const began = performance.now();
  for (const part of [
    "a",
    "a-",
    "token",
    "eyJ",
    "://",
    "https://a?",
    "?a=",
    "-----BEGIN PRIVATE KEY-----",
    "--token ",
    "a.",
  ])
    redactText(part.repeat(300_000 / part.length));
  assert.ok(performance.now() - began < 10_000, `${performance.now() - began} ms`);
});
