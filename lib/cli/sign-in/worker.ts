/**
 * Answers requests for tokens. What is kept is used and refreshed without anybody; a person is asked where that does not do.
 *
 *     claimed   renew: kept, refreshed, client credentials      answered
 *               renew: person                                   the lane of people, or left to others
 *     people    a grant in the stash, not kept yet              kept, answered
 *               a flow that was begun before                    goes on
 *               none                                            begins one
 */
import type { Claim } from "../../ledger/index.js";
import { type OAuthRequest, type Renewal, type RenewOptions, renew, toAnswer } from "../../oauth/index.js";
import { levels } from "../broker/exec.js";
import type { Brokering, Done, Lane, Worker } from "../broker/loop.js";
import { writeAnswer } from "../broker/write-answer.js";
import { summary } from "../entries.js";
import { exit, Stop } from "../exit.js";
import type { Io } from "../io.js";
import type { Log } from "../log.js";
import { endDevice, stashed } from "./finish.js";
import type { SignInOptions } from "./options.js";
import { type Pasted, pastedFrom } from "./pasted.js";
import { byPaste, inBrowser, onDevice } from "./ways.js";

export interface SignIn extends Pick<Brokering, "ledger" | "owner"> {
  readonly options: SignInOptions;
  readonly log: Log;
  readonly io: Io;
}

export function signInWorker(signIn: SignIn): Worker & Disposable {
  const pasted = pastedFrom(signIn.io);
  return {
    [Symbol.dispose]: () => pasted[Symbol.dispose](),
    work: (claim, lane, signal) => work({ ...signIn, pasted }, claim, lane, signal),
    async tell(claim, { fate, reason, fields }) {
      const { id, kind, sessionId: session, principal } = claim.entry;
      const sessions = claim.entries.length;
      await signIn.log({
        ...{ did: fate, level: levels[fate], id, session, principal, kind, what: summary(claim.entry), ...fields },
        ...{ sessions: sessions > 1 ? sessions : undefined, fence: claim.fence, reason },
      });
    },
  };
}

async function work(signIn: SignIn & { pasted: Pasted }, claim: Claim, lane: Lane, signal: AbortSignal): Promise<Done> {
  const { ledger, owner, options, log, io, pasted } = signIn;
  const request = await claim.request();
  if (request.kind !== "mcp.oauth_required") throw new Stop(exit.invalid, "it is no request for a token");
  const ending = { ledger, claim, owner, signal, net: options.net };
  const earlier = await stashed(claim);
  if (earlier?.type === "grant") return await endDevice(ending, earlier);
  const renewal = await renewed(claim, request, { options, signal });
  if (renewal.how !== "person") {
    const { grant, how } = renewal;
    const { account } = grant;
    const said = { actor: "automation", ...(account === undefined ? {} : { account }) } as const;
    await writeAnswer(ending, toAnswer(grant), said);
    return { fate: "answered", fields: { how, account, scope: grant.scope.join(" ") } };
  }
  const { why, before } = renewal;
  if (options.way === "none") return { fate: "left", reason: `a person is needed: ${why}` };
  if (lane === "machine") return { fate: "person", reason: why };
  const beginning = { ledger, claim, request, options, owner, signal, before, earlier };
  const way = { browser: inBrowser, device: onDevice, paste: byPaste }[options.way];
  return await way({ beginning, ending, log, io, pasted });
}

/** The client's own token where the request asks for one, or the command line does. */
async function renewed(
  claim: Claim,
  request: OAuthRequest,
  { options, signal }: { options: SignInOptions; signal: AbortSignal },
): Promise<Renewal> {
  const own = options.clientCredentials || request.data.staticClientConfig?.grantType === "client_credentials";
  const renewing: RenewOptions = {
    ...{ ...options.net, signal, inDoubt: options.inDoubt },
    ...(own ? { clientCredentials: options.client } : {}),
  };
  return await renew({ request: async () => request, grant: (held) => claim.grant(held) }, renewing);
}
