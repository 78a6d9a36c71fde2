/** latchkey/oauth, as the compiler sees it. Nothing runs. */
import type { Claim } from "latchkey/ledger";
import {
  type Authority,
  beginCode,
  beginDevice,
  type Client,
  type CodeFlow,
  chooseScope,
  type DeviceFlow,
  discover,
  finishCode,
  finishDevice,
  type Grant,
  type parseFlow,
  toAnswer,
} from "latchkey/oauth";
import type { AnswerOf, PendingRequest } from "latchkey/pending";
import type { Equals, Expect, HasAny } from "./protocol.js";

type _NothingIsAny = [
  Expect<Equals<HasAny<Authority>, false>>,
  Expect<Equals<HasAny<Client>, false>>,
  Expect<Equals<HasAny<CodeFlow>, false>>,
  Expect<Equals<HasAny<DeviceFlow>, false>>,
  Expect<Equals<HasAny<Grant>, false>>,
];
type _Shapes = [
  Expect<Equals<Grant["accessToken"], string>>,
  Expect<Equals<Grant["scope"], string[]>>,
  Expect<Equals<Grant["v"], 1>>,
  Expect<Equals<undefined extends Grant["refreshToken"] ? true : false, true>>,
  Expect<Equals<ReturnType<typeof parseFlow>, CodeFlow | DeviceFlow>>,
];

export async function broker(claim: Claim<"mcp.oauth_required">, client: Client): Promise<void> {
  const request = await claim.request();
  const authority = await discover(request, { timeoutMs: 1 });
  const scope = chooseScope(request, authority);
  const flow = await beginCode(authority, client, { redirectUri: "https://app.example/cb", scope });
  const grant = await finishCode(flow, "https://app.example/cb?code=1");
  const answer = toAnswer(grant);
  type _Answer = Expect<[typeof answer] extends [AnswerOf<"mcp.oauth_required">] ? true : false>;
  await claim.answer(answer, { account: grant.account });
  chooseScope(request, authority, grant);
  await finishDevice(await beginDevice(authority, client));

  // @ts-expect-error a redirect URI is needed
  await beginCode(authority, client, { scope });
  // @ts-expect-error a flow of another kind
  await finishCode(await beginDevice(authority, client), "");
  // @ts-expect-error a grant is no answer
  await claim.answer(grant);
}

export const another = (request: PendingRequest<"permission.requested">) =>
  // @ts-expect-error a request of another kind
  discover(request);
