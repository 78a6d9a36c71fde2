import { visible } from "../../base/visible.js";
import { assets } from "../assets.js";
import type { Ask } from "../context.js";
import { type Html, html, told } from "./html.js";

export interface PageOptions {
  readonly title: string;
  readonly status?: 200 | 400 | 401 | 403 | 404 | 409 | 410 | 413 | 422 | 429 | 500 | 502 | 503;
  /** Which of the places in the head this is. */
  readonly place?: Place;
  /** The script asks for news where it is set. */
  readonly live?: boolean;
}
export type Place = "waiting" | "moving" | "done" | "grants";

const places: readonly (readonly [Place, string, string])[] = [
  ["waiting", "/", "Waiting"],
  ["moving", "/?show=moving", "On its way"],
  ["done", "/?show=done", "Done"],
  ["grants", "/grants", "Sign-ins"],
];

/** A whole page. Nothing in it comes from anywhere else than this origin. */
export async function page(ask: Ask, options: PageOptions, body: Html | readonly Html[]): Promise<Response> {
  const { title, status = 200, live = false } = options;
  const visitor = ask.get("visitor");
  const whole = await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${visible(title, 80)} · latchkey</title>
<link rel="icon" href="${assets.icon.path}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.style.path}">
${live ? html`<script src="${assets.script.path}" defer></script>` : ""}
</head>
<body${live ? html` data-news="/news"` : ""}>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="wide">
<a class="brand" href="${visitor?.base === "/entries" ? "/" : "#main"}">${mark()}<span>latchkey</span></a>
${visitor?.base === "/entries" ? nav(options.place) : ""}
${visitor?.base === "/entries" ? who(visitor.principal ?? visitor.name.replace(/ in the inbox$/, "")) : ""}
</div></header>
<main id="main" class="wide" tabindex="-1">
${body}
</main>
<p id="said" class="aside" role="status" aria-live="polite"></p>
</body>
</html>`;
  return ask.html(String(whole), status);
}

const mark = (): Html =>
  html`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><circle cx="8" cy="12" r="5"/><path d="M13 12h9m-3 0v4m-3-4v3"/></svg>`;

const nav = (here: Place | undefined): Html => html`<nav aria-label="Places"><ul>
${places.map(([place, href, name]) => html`<li><a href="${href}"${place === here ? html` aria-current="page"` : ""}>${name}</a></li>`)}
</ul></nav>`;

const who = (name: string): Html => html`<form class="who" method="post" action="/leave">
<span class="quiet" title="${visible(name)}">${told(name, 60)}</span><button class="plain">Leave</button></form>`;

/** Something that happened, above what the page shows. */
export const notice = (tone: "good" | "bad" | "plain", text: Html | string): Html =>
  html`<div class="notice ${tone}"${tone === "bad" ? html` role="alert"` : html` role="status"`}>${text}</div>`;

/** A page that says what happened and what to do next. */
export async function problem(
  ask: Ask,
  status: NonNullable<PageOptions["status"]>,
  { title, what, next }: { title: string; what: Html | string; next?: Html | string },
): Promise<Response> {
  return await page(
    ask,
    { title, status },
    html`<section class="card problem"><h1>${title}</h1><p>${what}</p>${next === undefined ? "" : html`<p>${next}</p>`}</section>`,
  );
}
