/** A sign-in that one process begins and another finishes, with nothing between them but a ledger. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { Browser, startProvider } from "../support/oauth/provider.js";
import { demand } from "../support/oauth/servers.js";
import { suite } from "../support/suite.js";

const test = suite("two processes");

interface Said {
  readonly type: string;
  readonly url?: string;
  readonly code?: string;
}

async function broker(given: object): Promise<Said> {
  const program = fileURLToPath(new URL("../programs/oauth-broker.js", import.meta.url));
  const env = { ...process.env, GIVEN: JSON.stringify({ how: "code", context: {}, ...given }) };
  const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

test("the second claims, takes the flow from the stash, and answers; the ledger's file shows no secret", async () => {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-processes-"));
  try {
    await using provider = await startProvider();
    const place = { ledger: join(folder, "ledger.db"), keep: join(folder, "kept.json") };
    await using ledger = await openLedger(place.ledger);
    const { id } = await ledger.record(demand({ serverUrl: provider.serverUrl }));
    const { url = "" } = await broker({ ...place, role: "begin" });
    const callback = await new Browser().signIn(url);
    const state = new URL(url).searchParams.get("state") ?? "";
    assert.ok(state.length > 40);
    assert.is((await broker({ ...place, role: "finish", callback })).type, "done");
    const delivery = await ledger.deliver(id, { owner: "keeper" });
    const answer = delivery?.answer;
    assert.ok(typeof answer === "object" && "accessToken" in answer);
    const disk = `${await readFile(place.ledger, "latin1")}${await readFile(`${place.ledger}-wal`, "latin1").catch(() => "")}`;
    for (const secret of [answer.accessToken, state]) assert.not.ok(disk.includes(secret), "a secret on disk");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a callback of another sign-in answers nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-processes-"));
  try {
    await using provider = await startProvider();
    const place = { ledger: join(folder, "ledger.db"), keep: join(folder, "kept.json") };
    await using ledger = await openLedger(place.ledger);
    const { id } = await ledger.record(demand({ serverUrl: provider.serverUrl }));
    await broker({ ...place, role: "begin" });
    const callback = "http://localhost:3000/callback?code=stolen&state=mine";
    const said = await broker({ ...place, role: "finish", callback });
    assert.equal([said.type, said.code], ["refused", "ISSUER_MISMATCH"], "the server announces iss");
    assert.not.ok(provider.asked.includes("POST /token"));
    assert.is(await ledger.deliver(id, { owner: "keeper" }), undefined);
  } finally {
    await rm(folder, { recursive: true });
  }
});
