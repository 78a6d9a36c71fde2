/**
 * The end of a sign-in: from what the person did to an answer. The stash of a claim holds the flow as latchkey/oauth made it, with OAuth's
 * `state` as its tag; or, for a moment, the grant that came of it. So any process that has the ledger can go on from there.
 */

import { OAuthError, ValidationError } from "../../base/errors.js";
import { isRecord } from "../../base/record.js";
import type { Claim, Ledger } from "../../ledger/index.js";
import {
  type CodeFlow,
  type DeviceFlow,
  finishCode,
  type Grant,
  type OAuthOptions,
  parseFlow,
  parseGrant,
  toAnswer,
} from "../../oauth/index.js";
import type { Done } from "../broker/loop.js";
import { writeAnswer } from "../broker/write-answer.js";

/** What is needed to end one. */
export interface Ending {
  readonly ledger: Ledger;
  readonly claim: Claim;
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly net: Pick<OAuthOptions, "allowHttp">;
}

/** What the stash holds of a sign-in that somebody began. What is none of that is nobody's. */
export async function stashed(claim: Claim): Promise<CodeFlow | DeviceFlow | Grant | undefined> {
  const value = await claim.stashed();
  if (!isRecord(value)) return undefined;
  try {
    return value.type === "grant" ? parseGrant(value) : parseFlow(value);
  } catch (error) {
    if (error instanceof ValidationError) return undefined;
    throw error;
  }
}

/** Whether the stash is of a sign-in that one browser's session at the inbox began. */
export async function isBoundToBrowser(claim: Claim): Promise<boolean> {
  const value = await claim.stashed();
  return isRecord(value) && typeof value.browser === "string";
}

/**
 * Ends a sign-in by the address that the browser ended on. The right to the grant is taken before the code is spent, so that nothing stands
 * between the server's answer and the disk; for the same reason that one POST is not given up by the signal.
 */
export async function endCode(ending: Ending, flow: CodeFlow, callbackUrl: string): Promise<Done> {
  const { claim, signal, net } = ending;
  await using held = await claim.grant({ signal });
  let grant: Grant;
  try {
    grant = await finishCode(flow, callbackUrl, net);
  } catch (error) {
    if (isDenied(error)) return await decline(ending);
    // The code may be spent. Only an address that belongs to another sign-in leaves this one as it is.
    if (!isStray(error)) await claim.stash(undefined);
    throw error;
  }
  await held.keep(grant);
  return await answer(ending, grant);
}

/** Keeps a grant that a device's polling brought, and answers. It is in the stash meanwhile, should this process end on the way. */
export async function endDevice(ending: Ending, grant: Grant): Promise<Done> {
  const { claim, signal } = ending;
  await claim.stash(grant);
  await using held = await claim.grant({ signal });
  await held.keep(grant);
  return await answer(ending, grant);
}

async function answer({ ledger, claim, owner, signal }: Ending, grant: Grant): Promise<Done> {
  const { account } = grant;
  const options = { actor: "person", ...(account === undefined ? {} : { account }) } as const;
  await writeAnswer({ ledger, claim, owner, signal }, toAnswer(grant), options);
  return { fate: "answered", fields: { how: "signed-in", account, scope: grant.scope.join(" ") } };
}

/** The person said no on the server's own page: that is the answer. */
export async function decline({ ledger, claim, owner, signal }: Ending): Promise<Done> {
  await writeAnswer({ ledger, claim, owner, signal }, { kind: "cancelled" }, { actor: "person" });
  return { fate: "declined", reason: "access was denied on the page of the authorization server" };
}

export const isDenied = (error: unknown): boolean =>
  error instanceof OAuthError && error.code === "REFUSED" && error.error === "access_denied";

/** The address is one of another sign-in, or of none. */
export const isStray = (error: unknown): boolean =>
  error instanceof TypeError ||
  (error instanceof OAuthError && (error.code === "STATE_MISMATCH" || error.code === "ISSUER_MISMATCH"));
