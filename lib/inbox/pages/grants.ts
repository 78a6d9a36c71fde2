import type { GrantPage, ListedGrant } from "../../ledger/index.js";
import { hostOf } from "../facts.js";
import { type Html, html, told, when } from "./html.js";

const states: Readonly<Record<ListedGrant["state"], string>> = {
  none: "signed out",
  kept: "signed in",
  spending: "being renewed",
  "in-doubt": "in doubt: sign in again",
};

/** Where people have signed in. */
export function grantsPage(grants: GrantPage, further: boolean): Html {
  return html`<div class="head"><h1>Sign-ins</h1></div>
${
  grants.length === 0
    ? html`<div class="card empty"><h2>${further ? "Nothing further" : "Nobody is signed in"}</h2><p>When somebody signs in for a session, it is kept here, so that the next session needs nobody.</p></div>`
    : ""
}
<ol class="entries">${grants.map(card)}</ol>
${grants.next === undefined ? "" : html`<nav class="pages" aria-label="Pages"><a class="button" rel="next" href="/grants?after=${encodeURIComponent(grants.next)}">Next page</a></nav>`}`;
}

function card(grant: ListedGrant): Html {
  const { id, server, principal, issuer, account, scope, expiresAt, holder } = grant;
  return html`<li class="card entry" id="grant-${id}">
<div class="what"><div class="line"><h2 id="line-${id}">${told(hostOf(server) ?? server, 200)}</h2><span class="badge state" data-state="${grant.state === "kept" || grant.state === "spending" ? "accepted" : "conflict"}">${states[grant.state]}</span></div>
<p class="meta">${account === undefined ? "an account without a name" : html`as <b class="as">${told(account, 100)}</b>`}${
    principal === undefined ? html`<span>for one session</span>` : html`<span>for <b>${told(principal, 60)}</b></span>`
  }${issuer === undefined ? "" : html`<span>at ${told(hostOf(issuer) ?? issuer, 100)}</span>`}${
    expiresAt === undefined ? "" : html`<span>its token ends ${when(expiresAt)}</span>`
  }</p>
${scope.length === 0 ? "" : html`<ul class="scopes">${scope.map((word) => html`<li><code>${told(word, 100)}</code></li>`)}</ul>`}
${holder === undefined ? "" : html`<p class="claimed"><b>${told(holder.owner, 80)}</b> is renewing it.</p>`}</div>
<form class="actions" method="post" action="/grants/${id}/forget"><button name="press" value="revoke" class="no" aria-describedby="line-${id}">Sign out</button></form>
</li>`;
}

/** The authorization server could not be told. */
export const onlyHere = (
  id: string,
  why: Html,
): Html => html`<section class="card problem"><h1>The server was not told</h1>
<p>${why}</p><p>You can try again later, or forget the sign-in here alone: whoever has a copy of its tokens could go on using them.</p>
<form class="actions" method="post" action="/grants/${id}/forget"><a class="button" href="/grants">Leave it</a><button name="press" value="local" class="no">Forget it here alone</button></form></section>`;
