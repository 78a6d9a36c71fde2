/** The two pages around a sign-in: where it leads, before anything is opened; whose account it was, before anything is answered. */
import type { Entry } from "../../ledger/index.js";
import type { CodeFlow, Grant } from "../../oauth/index.js";
import type { Visitor } from "../context.js";
import { hostOf } from "../facts.js";
import { metaOf } from "./entry-parts.js";
import { type Html, html, told } from "./html.js";

interface Shown {
  readonly entry: Entry;
  readonly visitor: Visitor;
}

const scopes = (scope: readonly string[]): Html =>
  scope.length === 0
    ? html`<span class="quiet">what the server gives by itself</span>`
    : html`<ul class="scopes">${scope.map((word) => html`<li><code>${told(word, 100)}</code></li>`)}</ul>`;

const serverOf = ({ data }: Entry): Html =>
  "serverName" in data && "serverUrl" in data
    ? html`<b>${told(hostOf(data.serverUrl) ?? "an unknown host", 200)}</b>which the session calls ${told(String(data.serverName), 100)}`
    : html``;

export function leavePage({ entry, visitor, flow }: Shown & { flow: CodeFlow }): Html {
  const at = `${visitor.base}/${entry.id}`;
  const host = hostOf(flow.url) ?? "";
  return html`<p class="back"><a href="${at}">The request</a></p>
<article class="card whole"><h1>Sign in at ${told(host, 200)}?</h1>
${metaOf(entry)}
<div class="way">
<div><span class="quiet">You go to the authorization server</span><b>${told(host, 200)}</b>and sign in there. What you type there is not seen here.</div>
<div><span class="quiet">It then lets the session use the server</span>${serverOf(entry)}</div>
<div><span class="quiet">and asks for</span>${scopes(flow.scope)}</div>
</div>
<div class="actions"><a class="button main" href="${flow.url}" rel="noreferrer"><span>Continue to ${told(host, 60)}</span></a></div>
<p class="quiet">You are asked again, with the name of the account where the server tells it, before the session gets anything.</p>
${
  visitor.base === "/entries"
    ? html`<form class="desk" method="post" action="${at}/put-back"><span class="quiet">Others see that you are signing in, and wait.</span><button class="plain">Not now</button></form>`
    : ""
}
</article>`;
}

export function confirmPage({ entry, visitor, grant }: Shown & { grant: Grant }): Html {
  const at = `${visitor.base}/${entry.id}`;
  const host = hostOf(grant.issuer) ?? grant.issuer;
  return html`<article class="card whole"><h1>Is this the right account?</h1>
${metaOf(entry)}
<div class="way">
<div><span class="quiet">You have signed in at ${told(host, 200)}</span>${
    grant.account === undefined
      ? html`<b>The server does not say as whom</b>Go on only if you know which account it was.`
      : html`<b>${told(grant.account, 200)}</b>`
  }</div>
<div><span class="quiet">The session may use, in the name of this account, the server</span>${serverOf(entry)}</div>
<div><span class="quiet">with</span>${scopes(grant.scope)}</div>
</div>
<form class="actions" method="post" action="${at}/confirm">
<button name="press" value="yes" class="main">Use this account</button>
<button name="press" value="no" class="no">Not this one</button></form></article>`;
}
