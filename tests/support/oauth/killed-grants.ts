/**
 * Eight broker processes refresh one grant, against an authorization server that rotates refresh tokens and takes a second use for theft. One
 * of them is killed, or stopped past its lease and continued, at each step between the claim and the kept grant. The server must revoke
 * nothing; where it has answered, or may have, and nobody kept the answer, the grant is in doubt and says so.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Claim, type Ledger, openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { key, type Place } from "../ledger/place.js";
import { oauthRequest } from "../ledger/requests.js";
import { suite, within } from "../suite.js";
import { type Program, startScript } from "../world.js";
import { Browser } from "./browser.js";
import { type RunningProvider, startProvider } from "./provider.js";
import { answerByOAuth, type OAuthClaim } from "./sign-in.js";

const program = join(
  dirname(createRequire(import.meta.url).resolve("latchkey/package.json")),
  "build/tests/programs/faulty/oauth-refresher.js",
);
const brokers = 8;
/** Of the grant, and of the victim's claim: long enough for a step on a machine that has other work. */
const leaseMs = 4_000;
/** One credential each: a broker has the claim on one, and all want the same grant. The eighth broker, the victim, shares the first. */
const scopes = Array.from({ length: brokers - 1 }, (_, at) => `s${at}`);

/** As the session's configuration names it. */
const client = {
  ...{ client_id: "client-1", token_endpoint_auth_method: "none", application_type: "native" },
  ...{ redirect_uris: ["http://localhost:3000/callback"], response_types: ["code"] },
  grant_types: ["authorization_code", "refresh_token"],
};

/** Every step, and whether the grant is in doubt when the process is killed there. */
const steps = {
  "hold:committed": false,
  "spend:before": false,
  "spend:written": false,
  "spend:committed": true,
  "post:before": true,
  "post:answered": true,
  "keep:before": true,
  "keep:written": true,
  "keep:committed": false,
} as const;
type Step = keyof typeof steps;

export function killedGrants(engine: string, open: () => Promise<Place>): void {
  const test = suite(`Eight brokers and one grant, on ${engine}`, { timeoutMs: 120_000 });
  let place: Place;
  let provider: RunningProvider;
  let location = "";
  let ledger: Ledger;
  let others: Program[] = [];
  const told = { refreshed: 0, inDoubt: 0 };

  test.before(async () => {
    [place, provider] = await Promise.all([open(), startProvider({ scopes, clients: [client] })]);
    location = await place.location();
    ledger = await openLedger(location, { key });
    await answerByOAuth(await claimed(scopes.join(" "), "initial"), (url) => new Browser().signIn(url), {
      alone: true,
    });
    others = scopes.map((scope) => start({ once: false, sessionId: `session of ${scope}` }));
    await Promise.all(others.map((broker) => broker.next("ready")));
    for (const broker of others) broker.tell({ type: "go" });
  });
  test.after(async () => {
    await Promise.all(others.map((broker) => broker.kill()));
    await ledger.close();
    await Promise.all([place[Symbol.asyncDispose](), provider[Symbol.asyncDispose]()]);
    process.stdout.write(`${engine}: ${JSON.stringify({ ...told, familiesRevoked: provider.revoked.count })}\n`);
  });

  const start = (given: { once: boolean; sessionId: string }, env: Record<string, string> = {}): Program =>
    startScript(program, { given: { location, key, leaseMs, ...given }, env });

  const record = (scope: string, reason: string, sessionId: string) =>
    ledger.record(oauthRequest({ serverUrl: provider.serverUrl, scope, reason, sessionId }));

  async function claimed(scope: string, reason: string): Promise<OAuthClaim> {
    const { id } = await record(scope, reason, "test");
    const claim: Claim | undefined = await ledger.claim({ id }, { owner: "test" });
    assert.ok(claim?.entry.kind === "mcp.oauth_required");
    return claim as OAuthClaim;
  }

  /** But for what the victim alone looks for: an answer serves one request here. */
  async function everythingIsAnswered(): Promise<void> {
    for (;;) {
      const waiting = (await ledger.list({ state: "open" })).filter(({ sessionId }) => sessionId !== "victim");
      if (waiting.length === 0) return;
      await delay(50);
    }
  }

  /** The victim has a request that only it looks for, then there is work for everybody. */
  async function round(step: Step, signal: "SIGKILL" | "SIGSTOP"): Promise<{ inDoubt: number; said: string }> {
    const [grant] = await ledger.grants({ state: ["kept", "spending", "in-doubt"] });
    assert.ok(grant);
    const past = new Set((await ledger.grantReceipts(grant.id)).map(({ seq }) => seq));
    await using victim = start(
      { once: true, sessionId: "victim" },
      { LATCHKEY_FAULT: step, LATCHKEY_FAULT_SIGNAL: signal },
    );
    await victim.next("ready");
    await record("s0", "refresh", "victim");
    victim.tell({ type: "go" });
    await victim.next("claimed");
    await Promise.all(scopes.map((scope) => record(scope, "refresh", `session of ${scope}`)));
    if (signal === "SIGKILL") assert.is((await victim.exited).signal, "SIGKILL", victim.noise);
    else {
      await stopped(victim.pid);
      await delay(leaseMs + 200);
      victim.signal("SIGCONT");
      await victim.exited;
    }
    await within(60_000, everythingIsAnswered(), `every claim to be answered after ${signal} at ${step}`);
    const events = (await ledger.grantReceipts(grant.id)).filter(({ seq }) => !past.has(seq));
    const counted = (event: string) => events.filter((each) => each.event === event).length;
    told.refreshed += counted("spending");
    told.inDoubt += counted("in-doubt");
    return { inDoubt: counted("in-doubt"), said: events.map(({ event, by }) => `${event} ${by}`).join(", ") };
  }

  for (const step of Object.keys(steps) as Step[]) {
    test(`kill -9 at ${step}: no family is revoked, ${steps[step] ? "and the grant says that it is in doubt" : "and nothing is in doubt"}`, async () => {
      const { inDoubt, said } = await round(step, "SIGKILL");
      assert.is(provider.revoked.count, 0, said);
      assert.is(inDoubt > 0, steps[step], said);
    });
    test(`stopped past its lease at ${step}: no family is revoked`, async () => {
      const { inDoubt, said } = await round(step, "SIGSTOP");
      assert.is(provider.revoked.count, 0, said);
      if (step === "hold:committed" || step === "spend:before" || step === "keep:committed")
        assert.is(inDoubt, 0, said);
    });
  }
}

/** Until the process is stopped. */
async function stopped(pid: number): Promise<void> {
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z");
    const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
    if (state === "T" || state === "Z") return;
    await delay(10);
  }
}
