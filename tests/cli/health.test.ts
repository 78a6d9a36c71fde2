/** `--health`: what an orchestrator and Prometheus are told of a command that stays up. */
import { type ChildProcess, spawn } from "node:child_process";
import { get } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import { fakeRuntime } from "latchkey/testing";
import * as assert from "uvu/assert";
import { latchkey, latchkeyPath, openPlace, type Place } from "../support/commands.js";
import { suite, within } from "../support/suite.js";

const test = suite("--health");

interface Line {
  readonly did: string;
  readonly [field: string]: unknown;
}

/** A command with `--json`, and the lines that it says. */
function start(place: Place, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child: ChildProcess = spawn(process.execPath, [latchkeyPath, ...args, "--json", "--health", "0"], {
    cwd: place.dir,
    env: { ...place.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines: Line[] = [];
  const looks = new Set<() => void>();
  if (child.stdout === null) throw new Error("no output");
  createInterface({ input: child.stdout }).on("line", (text) => {
    lines.push(JSON.parse(text));
    for (const look of looks) look();
  });
  const says = (did: string): Promise<Line> =>
    within(
      15_000,
      new Promise<Line>((resolve) => {
        const look = (): void => {
          const found = lines.find((line) => line.did === did);
          if (found) resolve(found);
        };
        looks.add(look);
        look();
      }),
      `"${did}" of latchkey ${args[0]}`,
    );
  return {
    says,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      assert.is(await within(10_000, ended, "its end"), 0);
    },
  };
}

async function page(url: unknown, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${String(url)}${path}`);
  return { status: response.status, text: await response.text() };
}

const request = () =>
  pendingRequest(
    {
      type: "mcp.oauth_required",
      data: { requestId: "r", serverName: "notes", serverUrl: "http://127.0.0.1:9/mcp", reason: "initial" },
    } as const,
    { sessionId: "s", principal: "ada" },
  );

test("a keeper is ready while it has a runtime", async () => {
  await using place = await openPlace();
  await using fake = await fakeRuntime();
  await using keeper = start(place, ["keep", "--endpoint", fake.endpoint], { COPILOT_CONNECTION_TOKEN: fake.token });
  const { url } = await keeper.says("health");
  assert.match(String(url), /^http:\/\/127\.0\.0\.1:\d+$/);
  await keeper.says("connected");
  assert.equal(await page(url, "/live"), { status: 200, text: "live\n" });
  assert.equal(await page(url, "/ready"), { status: 200, text: "ready\n" });
  await fake.kill();
  await keeper.says("disconnected");
  assert.equal(await page(url, "/ready"), { status: 503, text: "no runtime is connected\n" });
  assert.is((await page(url, "/live")).status, 200);
  assert.match((await page(url, "/metrics")).text, /^latchkey_ready 0$/m);
});

test("a broker counts what it does, and what is open", async () => {
  await using place = await openPlace();
  await using ledger = await openLedger(join(place.state, "ledger.db"));
  const exec = `echo '{"kind":"token","accessToken":"SEKRET"}'`;
  await using broker = start(place, ["broker", "--exec", exec, "--kind", "mcp.oauth_required"]);
  const { url } = await broker.says("health");
  await ledger.record(request());
  const call = { kind: "shell", fullCommandText: "ls" };
  await ledger.record(
    pendingRequest({ type: "permission.requested", data: { requestId: "p", permissionRequest: call } } as const, {
      sessionId: "s",
    }),
  );
  await broker.says("answered");
  const { status, text } = await page(url, "/metrics");
  assert.is(status, 200);
  for (const line of [
    "latchkey_ready 1",
    'latchkey_open_entries{kind="permission.requested",age="<1m"} 1',
    'latchkey_claims_total{kind="mcp.oauth_required"} 1',
    'latchkey_answer_wait_seconds_bucket{kind="mcp.oauth_required",le="+Inf"} 1',
    'latchkey_answer_wait_seconds_count{kind="mcp.oauth_required"} 1',
  ])
    assert.ok(text.split("\n").includes(line), `${line} is not in\n${text}`);
  assert.match(text, /^latchkey_oldest_open_entry_seconds\{kind="permission.requested"\} [\d.]+$/m);
  for (const line of text.trim().split("\n"))
    assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)+\})? [\d.e+-]+)$/);
  assert.not.match(text, /SEKRET/);
});

test("only under a name of this machine, and only what there is", async () => {
  await using place = await openPlace();
  await using broker = start(place, ["broker", "--exec", "false"]);
  const { url } = await broker.says("health");
  const status = (path: string, options: object = {}): Promise<number | undefined> =>
    new Promise((resolve, reject) =>
      get(`${String(url)}${path}`, options, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).on("error", reject),
    );
  assert.is(await status("/metrics", { headers: { host: "evil.example" } }), 403);
  assert.is(await status("/metrics", { headers: { host: "localhost:1" } }), 200);
  assert.is(await status("/elsewhere"), 404);
  assert.is(await status("/live", { method: "POST" }), 405);
});

test("a place that is none is a mistake on the command line", async () => {
  await using place = await openPlace();
  for (const wrong of ["x", "70000", "127.0.0.1:"]) {
    const ran = await latchkey(place, ["broker", "--exec", "false", "--health", wrong]);
    assert.is(ran.code, 2, ran.err);
    assert.match(ran.err, /--health must be PORT/);
  }
});
