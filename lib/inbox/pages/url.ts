import { visible } from "../../base/visible.js";
import type { Entry } from "../../ledger/index.js";
import { metaOf } from "./entry-parts.js";
import { type Html, html, json, told } from "./html.js";

/** An address that a server asks to be opened, whole. Only http ones are links: others start programs. */
export function urlPage(entry: Entry, at: string, text: string): Html {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const safe = url?.protocol === "https:" || url?.protocol === "http:";
  return html`<p class="back"><a href="${at}">The request</a></p>
<article class="card whole"><h1>${safe ? html`Open a page of ${told(url.host, 200)}?` : "This is no web page"}</h1>
${metaOf(entry)}
${json(visible(text))}
${
  safe
    ? html`<div class="actions"><a class="button main" href="${url.href}" rel="noreferrer noopener" target="_blank"><span>Open ${told(url.host, 60)} in a new window</span></a></div>`
    : html`<p>The address does not begin with <code>https:</code>. It is not opened from here.</p>`
}
<form class="actions" method="post" action="${at}/answer"><button name="press" value="yes">I have done what it asks</button><button name="press" value="no" class="no">Decline</button></form>
</article>`;
}
