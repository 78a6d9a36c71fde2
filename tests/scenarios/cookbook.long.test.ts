/** docs/cookbook.md: its shell recipes, as they stand on the page. Those in TypeScript alone run in tests/project/docs.test.ts. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { transform } from "esbuild";
import { deriveKey, type Entry, openLedger } from "latchkey/ledger";
import { pendingRequest } from "latchkey/pending";
import { connect } from "latchkey/rpc";
import { type FakeRuntime, fakeRuntime } from "latchkey/testing";
import * as assert from "uvu/assert";
import { openPlace, type Place, packageRoot } from "../support/commands.js";
import { startPostgres } from "../support/ledger/postgres-server.js";
import { permissionRequest } from "../support/ledger/requests.js";
import { Browser, type RunningProvider, startProvider } from "../support/oauth/provider.js";
import { suite, within } from "../support/suite.js";

const test = suite("docs/cookbook.md", { timeoutMs: 120_000 });
const page = await readFile(join(packageRoot, "docs/cookbook.md"), "utf8");

/** The block after a comment, or the first one below a heading. */
function block(after: string, language: string): string {
  const from = page.indexOf(after);
  const [, code] = new RegExp(`\`\`\`${language}\\n([^]*?)\n\`\`\``).exec(page.slice(from)) ?? [];
  if (from < 0 || code === undefined) throw new Error(`the cookbook has no ${language} after "${after}"`);
  return code;
}

type Line = Readonly<Record<string, unknown>>;

/** A recipe that runs. It is ended with all that it started. */
class Recipe implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #closed: Promise<void>;
  #said = "";

  constructor(command: string, args: readonly string[], { dir }: Place, env: NodeJS.ProcessEnv) {
    this.#child = spawn(command, args, { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.#closed = new Promise((resolve) => this.#child.once("close", () => resolve()));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        this.#said += `${line}\n`;
        if (line.startsWith("{")) this.#lines.push(JSON.parse(line));
        for (const look of this.#waiting) look();
      });
    }
  }

  static shell(code: string, place: Place, env: NodeJS.ProcessEnv = {}): Recipe {
    return new Recipe("bash", ["-euo", "pipefail", "-c", code], place, { ...place.env, ...env });
  }

  /** The first line that has this. */
  async line(where: (line: Line) => boolean, what: string): Promise<Line> {
    const found = new Promise<Line>((resolve) => {
      const look = (): void => {
        const line = this.#lines.find(where);
        if (line === undefined) return;
        this.#waiting.delete(look);
        resolve(line);
      };
      this.#waiting.add(look);
      look();
    });
    return await within(40_000, found, what).catch((error: unknown) => {
      throw new Error(`${String(error)}; it said:\n${this.#said}`);
    });
  }

  did(word: string, where: (line: Line) => boolean = () => true): Promise<Line> {
    return this.line((line) => line.did === word && where(line), `"${word}"`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      process.kill(-(this.#child.pid ?? 0), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#closed;
  }
}

const oauth = (provider: RunningProvider) =>
  pendingRequest(
    {
      type: "mcp.oauth_required",
      data: {
        ...{ requestId: "r-1", serverName: "notes", serverUrl: provider.serverUrl, reason: "initial" },
        wwwAuthenticateParams: { scope: "read" },
      },
    },
    { sessionId: "s-1", principal: "ada" },
  );

async function waitFor(file: string, id: string, state: Entry["state"], key?: string): Promise<void> {
  await using ledger = await openLedger(file, { key });
  const changes = ledger.watch({ id }, { after: "0" });
  for await (const entry of changes) if (entry.state === state) return;
}

const isToken = (answer: unknown): answer is { accessToken: string } =>
  typeof answer === "object" && answer !== null && "accessToken" in answer;

test("one broker for a team on PostgreSQL", async () => {
  await using postgres = await startPostgres();
  // The client that the sessions' configuration names.
  const device = "urn:ietf:params:oauth:grant-type:device_code";
  const configured = {
    ...{ client_id: "fake-client", application_type: "native", token_endpoint_auth_method: "none" },
    ...{ grant_types: ["authorization_code", "refresh_token", device], response_types: ["code"] },
    redirect_uris: ["http://127.0.0.1/callback"],
  };
  await using provider = await startProvider({ clients: [configured] });
  await using place = await openPlace();
  const key = Buffer.alloc(32, 5).toString("base64url");
  await writeFile(join(place.dir, "team.key"), `${key}\n`);
  const location = await postgres.location();
  const DATABASE = location.replace("postgres://", "");
  // The ledger is made by its own key, before a principal's.
  await (await openLedger(location, { key })).close();

  const people = ["ada", "bob"] as const;
  await using ada = await fakeRuntime({ seed: "ada" });
  await using bob = await fakeRuntime({ seed: "bob" });
  const runtimes: Record<(typeof people)[number], FakeRuntime> = { ada, bob };
  const keeperOf = (person: (typeof people)[number]): Recipe => {
    const { endpoint, token } = runtimes[person];
    const env = { DATABASE, PERSON: person, LATCHKEY_ENDPOINT: endpoint, COPILOT_CONNECTION_TOKEN: token };
    return Recipe.shell(block("<!-- team: keeper -->", "sh"), place, env);
  };
  await using adasKeeper = keeperOf("ada");
  await using bobsKeeper = keeperOf("bob");
  await using broker = Recipe.shell(block("<!-- team: broker -->", "sh"), place, { DATABASE });
  await Promise.all([adasKeeper.did("connected"), bobsKeeper.did("connected")]);

  const data = { serverName: "notes", serverUrl: provider.serverUrl, wwwAuthenticateParams: { scope: "read" } };
  const tokens = await Promise.all(
    people.map(async (person) => {
      const runtime = runtimes[person];
      const rpc = await connect(runtime.endpoint, { token: runtime.token });
      const keeper = person === "ada" ? adasKeeper : bobsKeeper;
      const { sessionId } = await rpc.request("session.create", {});
      await keeper.did("held");
      runtime.raise(sessionId, "mcp.oauth_required", data);
      const shown = await broker.did("code", ({ principal }) => principal === person);
      await new Browser().enter(String(shown.link));
      await keeper.did("settled", ({ outcome }) => outcome === "accepted");
      const [answer] = runtime.answered;
      assert.ok(answer !== undefined && isToken(answer.answer));
      // What is kept is refreshed without anybody.
      runtime.raise(sessionId, "mcp.oauth_required", { ...data, reason: "refresh" });
      await broker.did("answered", ({ how, principal }) => how === "refreshed" && principal === person);
      await rpc.close();
      return answer.answer.accessToken;
    }),
  );
  assert.is(new Set(tokens).size, 2, "one person's token was given to the other");
  assert.is(provider.revoked.count, 0);
  await using adas = await openLedger(location, { key: deriveKey(key, "ada"), principal: "ada" });
  assert.equal(
    (await adas.grants()).map(({ principal }) => principal),
    ["ada"],
  );
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("approvals by chat webhook", async () => {
  await using place = await openPlace();
  const file = join(place.dir, "latchkey.db");
  await using ledger = await openLedger(file);
  const { code } = await transform(block("<!-- bot.ts -->", "ts"), { loader: "ts", format: "esm", target: "node20.9" });
  await writeFile(join(place.dir, "bot.mjs"), code);
  await writeFile(join(place.dir, "webhook.secret"), "a secret of the team's webhook\n");
  await mkdir(join(place.dir, "node_modules"));
  await symlink(packageRoot, join(place.dir, "node_modules/latchkey"));
  const PORT = String(await freePort());
  const url = `http://127.0.0.1:${PORT}`;
  const env = { ...place.env, PORT, LATCHKEY_WEBHOOK_SECRET: "a secret of the team's webhook", LEDGER: file };
  await using bot = new Recipe(process.execPath, ["bot.mjs"], place, env);
  const post = (path: string, body = "") => fetch(path, { method: "POST", body }).then(({ status }) => status);
  await within(10_000, up(url), "the bot");
  await using _notify = Recipe.shell(block("## Approvals by chat webhook", "sh"), place, {
    LATCHKEY_LEDGER: file,
    BOT: url,
  });

  const [first, second] = [await ledger.record(permissionRequest()), await ledger.record(permissionRequest())];
  const isMessage = (line: Line): boolean => "approve" in line;
  const one = await bot.line(isMessage, "a message in the chat");
  const two = await bot.line((line) => isMessage(line) && line.approve !== one.approve, "another message");
  const messages = [one, two];
  assert.is(await post(`${url}/latchkey`, '{"what":"forged"}'), 401);
  for (const [i, button] of ["approve", "deny"].entries()) assert.is(await post(String(messages[i]?.[button])), 200);
  assert.is(await post(String(messages[0]?.approve)), 410, "a ticket was good twice");
  assert.is((await fetch(String(messages[1]?.approve))).status, 405, "a preview approves");
  for (const { id } of [first, second]) await waitFor(file, id, "answered");
  const answers = await Promise.all(
    [first, second].map(async ({ id }) => (await ledger.deliver(id, { owner: "test" }))?.answer),
  );
  assert.equal(answers.map((answer) => JSON.stringify(answer)).sort(), [
    '{"kind":"approve-once","approvedInteractively":true}',
    '{"kind":"reject"}',
  ]);
  assert.is((await ledger.receipts(first.id)).find(({ state }) => state === "answered")?.by, "ada in the chat");
});

/** Resolves when somebody listens there. */
async function up(url: string): Promise<void> {
  for (;;) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("a headless server with device sign-in", async () => {
  await using provider = await startProvider();
  await using place = await openPlace();
  const file = join(place.dir, "latchkey.db");
  await using ledger = await openLedger(file);
  const { id } = await ledger.record(oauth(provider));
  await writeFile(join(place.dir, "tell"), '#!/bin/sh\necho "$1"\n', { mode: 0o755 });
  const code = block("## A headless server with device sign-in", "sh");
  const told = async (): Promise<Line> => {
    await using recipe = Recipe.shell(code, place, { LATCHKEY_LEDGER: file });
    return await recipe.did("code");
  };
  const first = await told();
  assert.is(first.principal, "ada");
  await using again = Recipe.shell(code.replace("--device", "--device --lease 2"), place, { LATCHKEY_LEDGER: file });
  assert.is((await again.did("code")).userCode, first.userCode, "killed, it goes on with the same code");
  await new Browser().enter(String(first.link));
  await waitFor(file, id, "answered");
  assert.ok(isToken((await ledger.deliver(id, { owner: "test" }))?.answer));
});

test("machine to machine", async () => {
  const machine = { grant_types: ["client_credentials"], redirect_uris: [], response_types: [] };
  await using provider = await startProvider({ clients: [{ client_id: "machine", client_secret: "s-1", ...machine }] });
  await using place = await openPlace();
  const file = join(place.dir, "latchkey.db");
  await using ledger = await openLedger(file);
  const { id } = await ledger.record(oauth(provider));
  await writeFile(join(place.dir, "client.secret"), "s-1\n");
  const env = { LATCHKEY_LEDGER: file, CLIENT_ID: "machine", ISSUER: provider.issuer };
  await using _recipe = Recipe.shell(block("## Machine to machine", "sh"), place, env);
  await waitFor(file, id, "answered");
  assert.ok(isToken((await ledger.deliver(id, { owner: "test" }))?.answer));
});
