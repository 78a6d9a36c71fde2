/** The ledger's types. Nothing runs: the compiler is the test. */
import type { Claim, Delivery, Entry, Ledger, Outcome, State } from "latchkey/ledger";
import type { PendingRequest, ResumeLedger } from "latchkey/pending";

type Expect<T extends true> = T;
type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type IsAny<T> = 0 extends 1 & T ? true : false;

declare const ledger: Ledger;
declare const oauth: PendingRequest<"mcp.oauth_required">;
declare const permission: PendingRequest<"permission.requested">;

/** Nothing is `any`. */
type _Known = [
  Expect<Equals<IsAny<Entry["data"]>, false>>,
  Expect<Equals<IsAny<Entry["state"]>, false>>,
  Expect<Equals<IsAny<Delivery["answer"]>, false>>,
  Expect<Equals<Entry["state"], State>>,
  Expect<Equals<Entry["outcome"], Outcome | undefined>>,
];

export async function typed(): Promise<void> {
  const entry = await ledger.record(oauth);
  const _url: string = entry.data.serverUrl;
  // @ts-expect-error an entry that was read has no secrets
  entry.secrets;
  // @ts-expect-error the data of OAuth is not that of a permission
  entry.data.permissionRequest;
  const asked = await ledger.record(permission);
  const _kind: string = asked.data.permissionRequest.kind;

  const claim: Claim<"mcp.oauth_required"> | undefined = await ledger.claim(
    { kind: "mcp.oauth_required" },
    { owner: "broker" },
  );
  if (claim === undefined) return;
  const _secret: string | undefined = (await claim.secrets()).staticClientConfig?.clientSecret;
  await claim.answer({ kind: "token", accessToken: "t" });
  // @ts-expect-error a token needs its accessToken
  await claim.answer({ kind: "token" });
  // @ts-expect-error a permission's answer is none of OAuth's
  await claim.answer({ kind: "approve-once" });
  // @ts-expect-error a claim says who it is of
  await ledger.claim({}, {});
  // @ts-expect-error only what is open can be claimed
  await ledger.claim({ state: "sent" }, { owner: "broker" });
  // @ts-expect-error no such state
  await ledger.list({ state: "closed" });
  // @ts-expect-error no such kind
  await ledger.list({ kind: "mcp.oauth" });
  const [first] = await ledger.list({ kind: "permission.requested" });
  const _listed: string | undefined = first?.data.permissionRequest.kind;
  for await (const transition of ledger.watch({ kind: "mcp.oauth_required" })) {
    const _cursor: string = transition.cursor;
    const _server: string = transition.data.serverName;
  }
}

/** What `resume` asks of a ledger, the ledger has. */
export const _forResume: ResumeLedger = ledger;
