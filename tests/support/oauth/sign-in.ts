import type { Claim } from "latchkey/ledger";
import {
  beginCode,
  chooseClient,
  chooseScope,
  discover,
  finishCode,
  type Grant,
  type Renewal,
  type RenewOptions,
  renew,
  toAnswer,
} from "latchkey/oauth";

export type OAuthClaim = Claim<"mcp.oauth_required">;

const redirectUri = "http://localhost:3000/callback";

/** How a person's browser gets through a sign-in: from the URL that it opens to the one that it comes back to. */
export type Visit = (url: string) => Promise<string>;

/** One claim from its beginning to its answer: without a person where that is possible, else by a sign-in whose grant is kept. */
export async function answerByOAuth(
  claim: OAuthClaim,
  visit: Visit,
  {
    alone = false,
    ...options
  }: RenewOptions & { /** The answer serves this request and no other. */ alone?: boolean } = {},
): Promise<{ how: string; why?: string }> {
  const renewal = await renew(claim, options);
  const person = renewal.how === "person" ? renewal : undefined;
  const grant = renewal.how === "person" ? await signIn(claim, renewal, visit) : renewal.grant;
  await claim.answer({ ...toAnswer(grant), ...(alone && { expiresIn: 0 }) }, { account: grant.account });
  return { how: renewal.how, ...(person && { why: person.why }) };
}

async function signIn(
  claim: OAuthClaim,
  { before }: Extract<Renewal, { how: "person" }>,
  visit: Visit,
): Promise<Grant> {
  const request = await claim.request();
  const authority = await discover(request);
  const same = before?.issuer === authority.issuer ? before : undefined;
  const client = await chooseClient(request, authority, {
    registered: same?.client,
    register: { redirectUris: [redirectUri], name: "latchkey's tests" },
  });
  const flow = await beginCode(authority, client, {
    redirectUri,
    scope: chooseScope(request, authority, same),
    before: same,
  });
  const grant = await finishCode(flow, await visit(flow.url));
  await using held = await claim.grant();
  await held.keep(grant);
  return grant;
}

/** For an authorization server that consents at once. */
export async function consentAtOnce(url: string): Promise<string> {
  const response = await fetch(url, { redirect: "manual" });
  const location = response.headers.get("location");
  if (location === null) throw new Error(`${new URL(url).pathname} ends with ${response.status}`);
  return new URL(location, url).href;
}
