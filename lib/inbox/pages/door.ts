import type { Entry } from "../../ledger/index.js";
import { lineOf } from "../lines.js";
import { factList, kindBadge, metaOf } from "./entry-parts.js";
import { type Html, html, told } from "./html.js";

/** Shown where a link leads that lets somebody in: a link preview, or another page, opens it without meaning to. */
export const enterPage = (token: string): Html => html`<section class="card problem"><h1>Open the inbox</h1>
<p>This link lets you in, once. Whoever is in can answer what the sessions here ask.</p>
<form method="post" action="/enter"><input type="hidden" name="token" value="${token}"><button class="main">Open the inbox</button></form></section>`;

export const ticketPage = (
  entry: Entry,
  ticket: string,
): Html => html`<article class="card whole"><p class="quiet">Somebody asks you to decide</p>
<div class="line">${kindBadge(entry)}</div>
<h1>${told(lineOf(entry), 600)}</h1>
${metaOf(entry)}
${factList(entry)}
<form method="post" action="/t/open"><input type="hidden" name="ticket" value="${ticket}">
<p>This link lets you answer it, once. It is yours alone: do not pass it on.</p>
<div class="actions"><button class="main">Go on to the answer</button></div></form></article>`;

export const donePage = (title: string, text: Html | string): Html =>
  html`<section class="card problem"><h1>${title}</h1><p>${text}</p></section>`;
