import { visibleJson } from "../../base/visible.js";
import type { Entry, Receipt } from "../../ledger/index.js";
import type { Visitor } from "../context.js";
import { type Button, buttonsOf, takesReason } from "../forms/buttons.js";
import { formOf } from "../forms/table.js";
import { lineOf } from "../lines.js";
import { claimOf, factList, history, kindBadge, metaOf, stateBadge } from "./entry-parts.js";
import { type Filled, fieldList } from "./form.js";
import { type Html, html, json as jsonBlock, told } from "./html.js";
import { notice } from "./page.js";

export interface EntryView extends Filled {
  readonly entry: Entry;
  readonly receipts: readonly Receipt[];
  readonly visitor: Visitor;
  /** Whether this browser works on it. */
  readonly mine: boolean;
  /** What to say above it. */
  readonly note?: Html | undefined;
  /** The JSON that was typed, and is no answer. */
  readonly json?: string | undefined;
}

export function entryPage(view: EntryView): Html {
  const { entry, receipts, visitor, mine, note } = view;
  const work = `${entry.state}.${mine ? "mine" : (entry.claim?.fence ?? "")}`;
  const whole = problemOf(view, "");
  return html`${visitor.base === "/entries" ? html`<p class="back"><a href="/">All that waits</a></p>` : ""}
${note ?? ""}
<article class="card whole">
<div id="state" data-fresh="${work}" data-says="${entry.state === "open" ? "" : "This request does not wait any more."}">
<div class="line">${kindBadge(entry)}${stateBadge(entry)}</div>
<h1>${told(lineOf(entry), 600)}</h1>
${metaOf(entry)}
${mine || entry.state !== "open" ? "" : claimOf(entry)}
</div>
${factList(entry)}
<div id="work" data-fresh="${work}">${whole === undefined ? "" : notice("bad", whole)}${entry.state === "open" ? workOn(view) : over(entry)}</div>
<details id="all"><summary>The whole request</summary>${jsonBlock(visibleJson(entry.data, 2))}</details>
<details id="happened"${entry.state === "open" ? "" : html` open`}><summary>What happened</summary>
<div id="history" data-fresh="${receipts.length}">${history(receipts)}</div></details>
</article>`;
}

const problemOf = ({ problems }: Filled, name: string): string | undefined => problems?.get(name);

function over({ account }: Entry): Html {
  return html`<p class="quiet">Nothing is left to do here.${account === undefined ? "" : html` The account is <b>${told(account, 100)}</b>.`}</p>`;
}

function workOn(view: EntryView): Html {
  const { entry, mine, visitor } = view;
  if (entry.claim !== undefined && !mine)
    return html`<p class="quiet">You can answer when it is free again. Two people never answer the same request.</p>`;
  const at = `${visitor.base}/${entry.id}`;
  return html`${entry.kind === "mcp.oauth_required" ? signIn(at) : ""}
${isUrlForm(entry) ? urlForm(at) : ""}
${mainForm(view, at)}
${plainButtons(view, at)}
${jsonForm(view, at)}
${visitor.base === "/entries" ? desk(at, mine) : ""}`;
}

const signIn = (at: string): Html => html`<form class="actions" method="post" action="${at}/sign-in">
<button class="main">Sign in</button><span class="quiet">You see where it leads before anything is opened.</span></form>`;

const isUrlForm = ({ data }: Entry): boolean => "mode" in data && data.mode === "url";
const urlForm = (at: string): Html => html`<form class="actions" method="post" action="${at}/url">
<button class="main">Show the address</button><span class="quiet">It is asked to be opened in a browser. Look at its host before you follow it.</span></form>`;

function mainForm({ entry, sent, problems }: EntryView, at: string): Html {
  const form = formOf(entry);
  if (form === undefined || form.fields.length === 0) return html``;
  const body = html`<form class="fields" method="post" action="${at}/answer" novalidate>
${fieldList(form.fields, { sent, problems })}
<div class="actions"><button name="press" value="form" class="main">${form.submit}</button>${besideForm(entry).map(button)}</div></form>`;
  if (entry.kind !== "mcp.oauth_required") return body;
  // Signing in is the way; a token by hand is for those who have one.
  return html`<details id="by-hand"${problems === undefined ? "" : html` open`}><summary>Give a token by hand</summary>${body}</details>`;
}

/** Buttons that need nothing else stand beside the form's own. */
const besideForm = (entry: Entry): Button[] =>
  (formOf(entry)?.fields.length ?? 0) === 0 || takesReason(entry.kind) || entry.kind === "mcp.oauth_required"
    ? []
    : buttonsOf(entry);

const button = ({ press, label, tone }: Button): Html =>
  html`<button name="press" value="${press}" class="${tone}">${label}</button>`;

/** Two forms: Enter in the field of a no must not press a yes. */
function plainButtons({ entry }: EntryView, at: string): Html {
  if (besideForm(entry).length > 0) return html``;
  const reason = takesReason(entry.kind);
  const buttons = buttonsOf(entry).filter(({ press }) => !(reason && press === "no"));
  const no = buttonsOf(entry).find(({ press }) => press === "no");
  return html`${
    buttons.length === 0
      ? ""
      : html`<form class="decide" method="post" action="${at}/answer"><div class="actions">${buttons.map(button)}</div></form>`
  }${
    reason && no !== undefined
      ? html`<form class="decide" method="post" action="${at}/answer"><div class="field"><label for="reason">Or no, because <span class="quiet">(may be empty; the model reads it)</span></label>
<div class="beside"><input id="reason" name="reason" autocomplete="off" maxlength="2000">${button(no)}</div></div></form>`
      : ""
  }`;
}

function jsonForm({ json, problems }: EntryView, at: string): Html {
  const wrong = problems?.get("json");
  return html`<details id="as-json"${wrong === undefined ? "" : html` open`}><summary>Answer as JSON</summary>
<form class="fields" method="post" action="${at}/answer" novalidate>
<div class="field"><label for="json">The whole answer, as <code>latchkey answer --json</code> takes it</label>
${wrong === undefined ? "" : html`<p class="wrong" id="json-wrong">${wrong}</p>`}
<textarea id="json" name="json" rows="5" class="code" spellcheck="false" autocomplete="off"${wrong === undefined ? "" : html` aria-invalid="true" aria-describedby="json-wrong"`}>
${json ?? ""}</textarea></div>
<div class="actions"><button name="press" value="json">Send</button></div></form></details>`;
}

const desk = (at: string, mine: boolean): Html =>
  mine
    ? html`<form class="desk" method="post" action="${at}/put-back"><span>You work on this. Others see that and wait.</span><button class="plain">Put it back</button></form>`
    : html`<form class="desk" method="post" action="${at}/take"><span class="quiet">Do you need time for it?</span><button class="plain">Tell others that you are on it</button></form>`;
