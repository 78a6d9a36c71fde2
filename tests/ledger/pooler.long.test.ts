import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPostgresLedger } from "latchkey/ledger/postgres";
import * as assert from "uvu/assert";
import { key } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { suite, within } from "../support/suite.js";

const test = suite("behind a pooler in transaction mode");
const isThere = spawnSync("pgbouncer", ["--version"]).status === 0;
const name = "a ledger works: transactions, claims, watches, many at once";
const options = { timeoutMs: 60_000 };

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function startPooler(server: PostgresServer): Promise<{ url: string } & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), "latchkey-pooler-"));
  const port = await freePort();
  const { username, password } = new URL(server.url("postgres"));
  const settings = `[databases]
* = host=127.0.0.1 port=${server.port} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
`;
  const file = join(dir, "pgbouncer.ini");
  await writeFile(file, settings, { mode: 0o600 });
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) for (const path of [dir, file]) await chown(path, 65534, 65534);
  await chmod(dir, 0o700);
  const child = spawn("pgbouncer", [file], {
    stdio: ["ignore", "ignore", "pipe"],
    ...(isRoot && { uid: 65534, gid: 65534 }),
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
      if (said.includes("process up")) resolve();
    });
    child.once("exit", () => reject(new Error(`pgbouncer did not start: ${said}`)));
  });
  return {
    url: `postgres://postgres:x@127.0.0.1:${port}/postgres`,
    async [Symbol.asyncDispose]() {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function body(): Promise<void> {
  await using server = await startPostgres();
  await using pooler = await startPooler(server);
  for (const query of ["?schema=found", "?schema=told&pgbouncer=true"]) {
    await using ledger = await openPostgresLedger(pooler.url + query, { key });
    await using other = await openPostgresLedger(pooler.url + query, { key });
    const watching = (async () => {
      const seen: string[] = [];
      for await (const { state } of other.watch()) if (seen.push(state) === 42) return seen;
      throw new Error("the watch ended");
    })();
    watching.catch(() => undefined);
    const recorded = await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? ledger : other).record(oauthRequest({ principal: `p${i}` }))),
    );
    const first = recorded[0];
    assert.ok(first);
    const claim = await ledger.claim({ id: first.id }, { owner: "broker" });
    assert.ok(claim);
    await claim.answer(token("T"));
    assert.equal((await other.deliver(first.id, { owner: "keeper" }))?.answer, token("T"));
    assert.is((await within(20_000, watching, "the watch")).at(-1), "sent");
    assert.is((await ledger.list()).length, 40);
  }
}

if (isThere) test(name, body, options);
else test.skip(name, "there is no pgbouncer", body, options);
