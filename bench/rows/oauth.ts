import { type Claim, type Ledger, openLedger } from "latchkey/ledger";
import { beginCode, chooseClient, discover, finishCode, type Grant, refresh, renew } from "latchkey/oauth";
import { key, type Place, sqlitePlace } from "../../tests/support/ledger/place.js";
import { startPostgres } from "../../tests/support/ledger/postgres-server.js";
import { Browser } from "../../tests/support/oauth/browser.js";
import { type RunningProvider, startProvider } from "../../tests/support/oauth/provider.js";
import { demand } from "../../tests/support/oauth/servers.js";
import { measured, median } from "../numbers.js";
import { type Row, ratio } from "../table.js";
import { interleave, type Scale } from "./round.js";

const group = "From a claim to a token";
const redirectUri = "http://127.0.0.1/callback";
/** Enough for many rounds of waiting at once: a claim for each scope. */
const scopes = Array.from({ length: 100 }, (_, index) => `s${index}`);

const ask = ({ serverUrl }: RunningProvider, scope: string) =>
  demand({ serverUrl, wwwAuthenticateParams: { scope } }, `session for ${scope}`);

async function signIn(provider: RunningProvider): Promise<Grant> {
  const request = ask(provider, "s0");
  const authority = await discover(request);
  const client = await chooseClient(request, authority, { register: { redirectUris: [redirectUri], name: "Bench" } });
  const flow = await beginCode(authority, client, { redirectUri, scope: scopes });
  return await finishCode(flow, await new Browser().signIn(flow.url));
}

async function claimed(ledger: Ledger, provider: RunningProvider, scope: string): Promise<Claim<"mcp.oauth_required">> {
  const { id } = await ledger.record(ask(provider, scope));
  const claim = await ledger.claim({ id, kind: "mcp.oauth_required" }, { owner: "bench", leaseMs: 600_000 });
  if (claim === undefined) throw new Error("nobody else claims here");
  return claim;
}

async function keep(claim: Claim, grant: Grant): Promise<void> {
  const held = await claim.grant();
  await held.keep(grant);
  await held.release();
}

const took = async (times: number, run: () => Promise<unknown>): Promise<number> => {
  const each: number[] = [];
  for (let index = 0; index < times; index++) {
    const began = performance.now();
    await run();
    each.push(performance.now() - began);
  }
  return median(each);
};

const reads = { entry: "an entry, by its id", request: "a request, with its secrets", renew: "renew, a kept grant" };

/** What it takes to find that no token has to be obtained. */
async function keptRow(name: string, place: Place, provider: RunningProvider, { rounds, size }: Scale): Promise<Row> {
  await using ledger = await openLedger(await place.location(), { key });
  const claim = await claimed(ledger, provider, "s0");
  await keep(claim, await signIn(provider));
  const runs = {
    [reads.entry]: () => ledger.get(claim.entry.id),
    [reads.request]: () => claim.request(),
    [reads.renew]: async () => {
      const { how } = await renew(claim);
      if (how !== "kept") throw new Error(`the grant was not given but ${how}`);
    },
  };
  const figures = await interleave(Object.values(reads), rounds * 3, (what) =>
    took(Math.round(100 * size), runs[what] ?? (() => Promise.reject(new Error(what)))),
  );
  const value = ratio({ figures }, reads.renew, reads.request);
  const target = { what: "renew / a request", value, limit: 1.5, side: "at most" as const };
  return { group, name: `a ledger on ${name} is read`, unit: "ms", figures, targets: [target] };
}

const posts = { bare: "a bare POST", refresh: "refresh" };

async function refreshRow(provider: RunningProvider, { rounds, size }: Scale): Promise<Row> {
  let grant = await signIn(provider);
  const endpoint = grant.server.token_endpoint ?? "";
  const bare = async (): Promise<void> => {
    const { refreshToken = "", clientId: client_id, resource } = grant;
    const body = { grant_type: "refresh_token", refresh_token: refreshToken, client_id, resource };
    const response = await fetch(endpoint, { method: "POST", body: new URLSearchParams(body) });
    const answer: { refresh_token?: string } = JSON.parse(await response.text());
    if (answer.refresh_token === undefined) throw new Error(`the POST was answered with ${response.status}`);
    grant = { ...grant, refreshToken: answer.refresh_token };
  };
  const library = async (): Promise<void> => {
    grant = await refresh(grant);
  };
  const figures = await interleave([posts.bare, posts.refresh], rounds * 3, (what) =>
    took(Math.max(5, Math.round(20 * size)), what === posts.bare ? bare : library),
  );
  const targets = [
    { what: "refresh / a bare POST", value: ratio({ figures }, posts.refresh, posts.bare), limit: 2, side: "at most" },
  ] as const;
  return { group, name: "a new token from oidc-provider in this process", unit: "ms", figures, targets };
}

/** A hundred brokers in one process, each with a claim, and one grant that has ended. */
async function waitingRow(name: string, place: Place, provider: RunningProvider): Promise<Row> {
  await using ledger = await openLedger(await place.location(), { key });
  const claims = await Promise.all(scopes.map((scope) => claimed(ledger, provider, scope)));
  const [claim] = claims;
  if (claim === undefined) throw new Error("there are claims");
  await keep(claim, { ...(await signIn(provider)), expiresAt: new Date(0).toISOString() });
  const before = provider.asked.length;
  const each: number[] = [];
  const began = performance.now();
  await Promise.all(
    claims.map(async (waiting) => {
      await renew(waiting);
      each.push(performance.now() - began);
    }),
  );
  const count = provider.asked.slice(before).filter((what) => what === "POST /token").length;
  const figures = { "the first": measured([Math.min(...each)]), "the last": measured([Math.max(...each)]) };
  const targets = [{ what: "token requests", value: count, limit: 1, side: "at most" as const }];
  return { group, name: `100 claims wait for one grant, on ${name}`, unit: "ms", figures, targets };
}

export async function oauthRows(scale: Scale): Promise<Row[]> {
  await using provider = await startProvider({ scopes });
  await using sqlite = await sqlitePlace();
  await using postgres = await startPostgres({ fsync: true });
  const places = { SQLite: sqlite, PostgreSQL: postgres };
  const rows = [await refreshRow(provider, scale)];
  for (const [name, place] of Object.entries(places)) rows.push(await keptRow(name, place, provider, scale));
  for (const [name, place] of Object.entries(places)) rows.push(await waitingRow(name, place, provider));
  return rows;
}
