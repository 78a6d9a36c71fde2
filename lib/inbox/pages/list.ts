import type { Entry, Page } from "../../ledger/index.js";
import { type KindName, rowOf } from "../../pending/index.js";
import { kindNames } from "../../pending/internal.js";
import { factsOf } from "../facts.js";
import { buttonsOf } from "../forms/buttons.js";
import { formOf } from "../forms/table.js";
import { lineOf } from "../lines.js";
import { digest } from "../secret.js";
import { claimOf, factList, kindBadge, metaOf, stateBadge } from "./entry-parts.js";
import { type Html, html, told } from "./html.js";
import type { Place } from "./page.js";

export interface ListView {
  readonly place: Exclude<Place, "grants">;
  readonly kind: KindName | undefined;
  readonly entries: Page;
  /** Whether this is not the first page. */
  readonly further: boolean;
  /** Whether this browser works on an entry. */
  readonly isMine: (entry: Entry) => boolean;
}

const lineLimit = 240;

const headings: Readonly<Record<ListView["place"], string>> = {
  waiting: "Waiting for an answer",
  moving: "On its way to the runtime",
  done: "Done",
};

const empty: Readonly<Record<ListView["place"], Html>> = {
  waiting: html`<h2>Nothing waits</h2><p>What a session asks appears here by itself. A session is looked after by a keeper: <code>latchkey keep</code>, or <code>keep()</code> in a program.</p>`,
  moving: html`<h2>Nothing is on its way</h2><p>Answers stay here until the runtime has taken them. Where they stay long, no keeper runs: <code>latchkey keep</code>.</p>`,
  done: html`<h2>Nothing was answered yet</h2><p>What has been answered, cancelled or lost is kept here until <code>latchkey prune</code> removes it.</p>`,
};

export function listPage(view: ListView): Html {
  const { place, entries, kind } = view;
  const version = digest(entries.map((entry) => versionOf(entry)).join(" ")).slice(0, 16);
  return html`<div class="head"><h1>${headings[place]}</h1>${filter(place, kind)}</div>
<div id="list" data-fresh="${version}"${place === "waiting" ? html` data-says="${said(entries)}"` : ""}>
${entries.length === 0 ? html`<div class="card empty">${view.further ? html`<h2>Nothing further</h2>` : empty[place]}</div>` : ""}
<ol class="entries">${entries.map((entry) => card(entry, view))}</ol>
</div>
${pages(view)}`;
}

export const versionOf = ({ id, state, claim, updatedAt }: Entry): string =>
  `${id}.${state}.${claim?.fence ?? ""}.${updatedAt.getTime()}`;

function said({ length, next }: Page): string {
  if (length === 0) return "Nothing waits.";
  return next === undefined
    ? `${length} ${length === 1 ? "request waits" : "requests wait"}.`
    : `More than ${length} requests wait.`;
}

function filter(place: Place, kind: KindName | undefined): Html {
  return html`<form class="filter" method="get" action="/">
${place === "waiting" ? "" : html`<input type="hidden" name="show" value="${place}">`}
<label for="kind">Kind</label>
<select id="kind" name="kind"><option value="">All kinds</option>
${kindNames.map((name) => html`<option value="${name}"${name === kind ? html` selected` : ""}>${rowOf(name).title}</option>`)}
</select><button class="plain">Show</button></form>`;
}

function card(entry: Entry, { isMine }: ListView): Html {
  const line = lineOf(entry);
  const mine = isMine(entry);
  const free = entry.state === "open" && (entry.claim === undefined || mine);
  return html`<li class="card entry" id="entry-${entry.id}">
<div class="what"><div class="line">${kindBadge(entry)}<h2 id="line-${entry.id}"><a href="/entries/${entry.id}">${told(line, lineLimit)}</a></h2>${entry.state === "open" ? "" : stateBadge(entry)}</div>
${metaOf(entry)}
${mine || entry.state !== "open" ? "" : claimOf(entry)}
${factsOf(entry).length === 0 ? "" : html`<details id="details-${entry.id}"><summary>Details</summary>${factList(entry)}</details>`}</div>
${free ? actions(entry, line) : ""}
</li>`;
}

/** Only who has seen all of the line may say yes to it here. */
function actions(entry: Entry, line: string): Html {
  const more = line.length > lineLimit || isUrlForm(entry) || (formOf(entry)?.fields.length ?? 0) > 0;
  const buttons = buttonsOf(entry).filter(({ press }) => press === "no" || !more);
  return html`<form class="actions" method="post" action="/entries/${entry.id}/answer">
${more ? html`<a class="button main" href="/entries/${entry.id}">${entry.kind === "mcp.oauth_required" ? "Sign in…" : "Answer…"}</a>` : ""}
${buttons.map(
  ({ press, label, tone }) =>
    html`<button name="press" value="${press}" class="${tone}" aria-describedby="line-${entry.id}">${label}</button>`,
)}</form>`;
}

const isUrlForm = ({ data }: Entry): boolean => "mode" in data && data.mode === "url";

function pages({ place, kind, entries, further }: ListView): Html {
  const to = (after?: string): string => {
    const query = new URLSearchParams({
      ...(place === "waiting" ? {} : { show: place }),
      ...(kind === undefined ? {} : { kind }),
      ...(after === undefined ? {} : { after }),
    });
    return `/?${query}`;
  };
  if (!further && entries.next === undefined) return html``;
  return html`<nav class="pages" aria-label="Pages">
${further ? html`<a class="button" href="${to()}">First page</a>` : ""}
${entries.next === undefined ? "" : html`<a class="button" rel="next" href="${to(entries.next)}">Next page</a>`}
</nav>`;
}
