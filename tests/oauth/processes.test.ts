/** A sign-in that one process begins and another finishes, with nothing between them but a ledger. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { brokerProcess } from "../support/oauth/broker-processes.js";
import { Browser } from "../support/oauth/browser.js";
import { startProvider } from "../support/oauth/provider.js";
import { demand } from "../support/oauth/servers.js";
import { suite } from "../support/suite.js";

const test = suite("two processes");

test("the second claims, takes the flow from the stash, and answers; the ledger's file shows no secret", async () => {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-processes-"));
  try {
    await using provider = await startProvider();
    const place = { ledger: join(folder, "ledger.db"), keep: join(folder, "kept.json") };
    await using ledger = await openLedger(place.ledger);
    const { id } = await ledger.record(demand({ serverUrl: provider.serverUrl }));
    const url = String((await brokerProcess("begin", place)).url);
    const callback = await new Browser().signIn(url);
    const state = new URL(url).searchParams.get("state") ?? "";
    assert.ok(state.length > 40);
    assert.is((await brokerProcess("finish", { ...place, callback })).type, "done");
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
    const { url } = await brokerProcess("begin", place);
    const refused = async (state: string): Promise<unknown> => {
      const callback = `http://localhost:3000/callback?code=stolen&state=${state}`;
      return (await brokerProcess("finish", { ...place, callback })).code;
    };
    assert.is(await refused("mine"), "STATE_MISMATCH", "nothing is found by it, and whoever waits goes on waiting");
    assert.is((await ledger.get(id))?.state, "open");
    const state = new URL(String(url)).searchParams.get("state") ?? "";
    assert.is(await refused(state), "ISSUER_MISMATCH", "the server announces iss");
    assert.not.ok(provider.asked.includes("POST /token"));
    assert.is(await ledger.deliver(id, { owner: "keeper" }), undefined);
  } finally {
    await rm(folder, { recursive: true });
  }
});
