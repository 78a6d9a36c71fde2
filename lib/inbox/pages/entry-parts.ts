import type { Entry, Receipt } from "../../ledger/index.js";
import { rowOf } from "../../pending/index.js";
import { type Fact, factsOf, modelSays } from "../facts.js";
import { type Html, html, json, short, told, toldWhole, when } from "./html.js";

/** The kind, as a label of its colour. */
export const kindBadge = ({ kind }: Pick<Entry, "kind">): Html =>
  html`<span class="badge kind" data-kind="${kind}">${rowOf(kind).title}</span>`;

const states: Readonly<Record<Entry["state"], string>> = {
  open: "waits for you",
  answered: "answered, not yet delivered",
  sent: "being delivered",
  settled: "settled",
  lost: "lost: its session is not loaded",
  superseded: "asked again",
  expired: "its time is over",
  cancelled: "cancelled",
};
const outcomes: Readonly<Record<NonNullable<Entry["outcome"]>, string>> = {
  accepted: "answered, and delivered",
  "accepted-before": "answered, and delivered",
  elsewhere: "answered elsewhere",
  conflict: "another answer was faster",
  expired: "the runtime gave it up",
  superseded: "asked again",
  seeded: "the session was loaded with its answer",
  unknown: "nobody knows how it ended",
};

export const stateOf = ({ state, outcome }: Pick<Entry, "state" | "outcome">): string =>
  outcome === undefined ? states[state] : outcomes[outcome];

export const stateBadge = (entry: Pick<Entry, "state" | "outcome">): Html =>
  html`<span class="badge state" data-state="${entry.outcome ?? entry.state}">${stateOf(entry)}</span>`;

/** Who asks, for whom, since when, until when. */
export function metaOf(entry: Entry): Html {
  return html`<p class="meta">session <code>${short(entry.sessionId)}</code>${
    entry.principal === undefined ? "" : html`<span>for <b>${told(entry.principal, 60)}</b></span>`
  }<span>${when(entry.createdAt)}</span>${
    entry.expiresAt === undefined || entry.state !== "open" ? "" : html`<span>ends ${when(entry.expiresAt)}</span>`
  }</p>`;
}

/** Who works on it, where that is not the reader. */
export function claimOf({ claim }: Pick<Entry, "claim">): Html {
  if (claim === undefined) return html``;
  return html`<p class="claimed"><b>${told(claim.owner, 80)}</b> works on it. It is free again ${when(claim.until)} at the latest.</p>`;
}

const factOf = ({ label, text, as }: Fact): Html =>
  html`<div><dt>${told(label, 60)}</dt><dd>${as === "line" ? told(text, 600) : as === "json" ? json(text) : toldWhole(text)}</dd></div>`;

/** What a person decides by. What the model says of itself stands apart from what it wants to do. */
export function factList(entry: Pick<Entry, "kind" | "data">): Html {
  const said = modelSays(entry);
  return html`<dl class="facts">${factsOf(entry).map(factOf)}</dl>
${said === undefined ? "" : html`<p class="model"><span class="quiet">The model says, which need not be true:</span> ${told(said, 600)}</p>`}`;
}

/** What happened to an entry, oldest first. */
export function history(receipts: readonly Receipt[]): Html {
  if (receipts.length === 0) return html`<p class="quiet">Nothing is written down about it.</p>`;
  return html`<ol class="history">${receipts.map(
    (line) =>
      html`<li><span class="at">${when(line.at)}</span> <b>${line.outcome ?? line.state}</b>${
        line.by === undefined ? "" : html` by ${told(line.by, 80)}`
      }${line.actor === undefined ? "" : html` <span class="quiet">(a ${line.actor === "person" ? "person" : "program"})</span>`}${
        line.reason === undefined ? "" : html`<br><span class="quiet">${told(line.reason)}</span>`
      }</li>`,
  )}</ol>`;
}
