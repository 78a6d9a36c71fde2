import { ValidationError } from "latchkey";
import { handlePendingRequest, isKind, type KindName, kinds, rowOf, summaryOf } from "latchkey/pending";
import * as assert from "uvu/assert";
import * as v from "valibot";
import { measured } from "../../support/kinds/page.js";
import { suite } from "../../support/suite.js";

const test = suite("rows of the table of kinds");
const names = Object.keys(kinds).filter(isKind);

/** A typed text, and the answer that it is. */
const typed: Partial<Record<KindName, readonly [string, unknown]>> = {
  "mcp.oauth_required": [" secret ", { kind: "token", accessToken: "secret", tokenType: "DPoP", expiresIn: 60 }],
  "mcp.headers_refresh_required": [
    "X-Key: secret\r\n\nX-Other:  b ",
    { kind: "headers", headers: { "X-Key": "secret", "X-Other": "b" }, ttlMs: 60_000 },
  ],
  "external_tool.requested": ["done", { result: "done" }],
  "user_input.requested": ["blue", { answer: "blue", wasFreeform: true }],
};

test("what yes, no and a text mean are answers that the kind takes", () => {
  for (const name of names) {
    const row = rowOf(name);
    const [text = "text", answer] = typed[name] ?? [];
    const answers = [row.yes, row.yesForSession, row.no?.(), row.no?.("not on a Friday")];
    const made = row.text?.toAnswer(text, { expiresIn: 60, tokenType: "DPoP" });
    assert.equal(made, answer, `${name}: the text`);
    for (const each of [...answers, made])
      if (each !== undefined)
        assert.is(v.safeParse(row.answer, each).success, true, `${name}: ${JSON.stringify(each)}`);
  }
});

test("a no carries its reason where the kind has a place for one", () => {
  const reasons = names.filter((name) => JSON.stringify(rowOf(name).no?.("not today"))?.includes("not today"));
  assert.equal(reasons, [
    "mcp.headers_refresh_required",
    "permission.requested",
    "external_tool.requested",
    "exit_plan_mode.requested",
    "command.execute",
  ]);
});

test("a text that is no header is refused, and not shown", () => {
  for (const text of ["not a header", "", "X-Key: a\nsecret"])
    try {
      rowOf("mcp.headers_refresh_required").text?.toAnswer(text, {});
      assert.unreachable("refused nothing");
    } catch (error) {
      assert.ok(error instanceof ValidationError, String(error));
      assert.not.match(error.message, /not a header|secret/);
    }
});

test("a request of any shape has a summary", () => {
  const said = (kind: KindName, data: object): string => summaryOf({ kind, data });
  assert.is(
    said("mcp.oauth_required", { serverName: "notes", reason: "upscope", wwwAuthenticateParams: { scope: "read" } }),
    "notes upscope read",
  );
  const permission = { kind: "shell", fullCommandText: "rm -rf /", intention: "tidy up", path: 7 };
  assert.is(said("permission.requested", { permissionRequest: permission }), "shell rm -rf /");
  assert.is(rowOf("permission.requested").modelSays?.({ permissionRequest: permission }), "tidy up");
  for (const name of names) for (const data of [{}, { permissionRequest: null }]) assert.is(said(name, data), "");
});

test("what is said of a retried tool call is what was measured", () => {
  for (const name of names)
    assert.is(
      rowOf(name).retriesToolCall,
      /made again|makes the tool call again/.test(measured[name].runtimeGone),
      name,
    );
});

test("a seed is made of a token alone", () => {
  const { seed } = kinds["mcp.oauth_required"];
  const whole = { requestId: "r", serverName: "notes", serverUrl: "https://a.example/mcp", reason: "initial" };
  assert.ok(seed);
  assert.equal(seed(whole, { kind: "token", accessToken: "t" })?.headers, { Authorization: "Bearer t" });
  assert.is(seed(whole, { kind: "cancelled" }), undefined);
});

test("the reason of a request says whether the credential of before was refused", () => {
  const refused = (kind: KindName, reason: string) => rowOf(kind).refused?.({ reason });
  const reasons = ["initial", "upscope", "refresh", "reauth"];
  assert.equal(
    reasons.filter((reason) => refused("mcp.oauth_required", reason)),
    ["refresh", "reauth"],
  );
  assert.is(refused("mcp.headers_refresh_required", "startup"), false);
  for (const reason of ["ttl-expired", "auth-failed"])
    assert.is(refused("mcp.headers_refresh_required", reason), true, reason);
});

test("a server that is connected ends what its own start asked for, and nothing else", () => {
  const { overtaken } = rowOf("mcp.oauth_required");
  const ends = (said: object, data: object) =>
    overtaken?.ends(
      { serverName: "notes", status: "connected", ...said },
      { serverName: "notes", reason: "initial", ...data },
    );
  assert.is(overtaken?.by, "session.mcp_server_status_changed");
  assert.is(ends({}, {}), true);
  assert.is(ends({ serverName: "files" }, {}), false);
  assert.is(ends({ status: "needs-auth" }, {}), false);
  for (const reason of ["refresh", "reauth", "upscope"]) assert.is(ends({}, { reason }), false, reason);
});

test("a token blocks the call that asks for it, unless that is a tool call or a server that starts", () => {
  const { blocks } = rowOf("mcp.oauth_required");
  assert.ok(typeof blocks === "function");
  const at = (reason: string, toolCall: boolean) => blocks({ reason }, { turn: toolCall, toolCall });
  assert.is(at("initial", false), false);
  for (const reason of ["refresh", "reauth", "upscope"])
    assert.equal([at(reason, false), at(reason, true)], [true, false], reason);
});

test("a kind that is none is no kind", async () => {
  for (const name of ["toString", "__proto__", "session.idle"]) assert.is(isKind(name), false);
  const rpc = { session: () => assert.unreachable("was asked") };
  // @ts-expect-error no such kind
  const handled = handlePendingRequest(rpc, { kind: "toString", sessionId: "s", requestId: "r" }, {});
  await handled.then(
    () => assert.unreachable("took it"),
    (error: unknown) => assert.ok(error instanceof TypeError),
  );
});
