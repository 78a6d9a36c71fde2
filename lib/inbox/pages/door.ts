import { type Html, html } from "./html.js";

/** Shown where a link leads that lets somebody in: a link preview, or another page, opens it without meaning to. */
export const enterPage = (token: string): Html => html`<section class="card problem"><h1>Open the inbox</h1>
<p>This link lets you in, once. Whoever is in can answer what the sessions here ask.</p>
<form method="post" action="/enter"><input type="hidden" name="token" value="${token}"><button class="main">Open the inbox</button></form></section>`;

export const ticketPage = (token: string): Html => html`<section class="card problem"><h1>Somebody asks you to decide</h1>
<p>This link shows one request of a Copilot session and lets you answer it, once. It is yours alone: do not pass it on.</p>
<form method="post" action="/t/open"><input type="hidden" name="ticket" value="${token}"><button class="main">Show the request</button></form></section>`;

export const donePage = (title: string, text: Html | string): Html =>
  html`<section class="card problem"><h1>${title}</h1><p>${text}</p></section>`;
