/** What went wrong, in words for the person in front of the page. Nothing secret, and nothing of the machine. */

import { codeOf } from "../base/code.js";
import { LedgerError, OAuthError, ValidationError } from "../base/errors.js";
import type { Ask } from "./context.js";
import { type Html, html, told } from "./pages/html.js";
import { type PageOptions, problem } from "./pages/page.js";

interface Words {
  readonly status: NonNullable<PageOptions["status"]>;
  readonly title: string;
  readonly what: Html | string;
  readonly next?: Html | string;
}

const ledgerWords: Readonly<Partial<Record<LedgerError["code"], Words>>> = {
  UNKNOWN_ENTRY: {
    status: 404,
    title: "There is no such request",
    what: "It may have been removed, or it is not yours to see.",
    next: html`<a href="/">See what waits</a>`,
  },
  UNKNOWN_GRANT: {
    status: 404,
    title: "There is no such sign-in",
    what: "It may have been signed out already, or it is not yours to see.",
    next: html`<a href="/grants">See the sign-ins</a>`,
  },
  UNKNOWN_TICKET: {
    status: 404,
    title: "This link leads to nothing",
    what: "It may be cut, or its request was removed. Ask whoever sent it for another one.",
  },
  USED_TICKET: {
    status: 410,
    title: "This link was used already",
    what: "Its request has been answered through it. A link answers once.",
    next: "If that was not you, tell whoever sent it.",
  },
  CLAIMED: {
    status: 409,
    title: "Somebody else works on it",
    what: "Your answer was not written: two people never answer the same request.",
    next: "Go back to see who has it, and until when.",
  },
  FENCED: {
    status: 409,
    title: "It was taken out of your hands",
    what: "You had it for too long without a word, and somebody else may have it now. Nothing was written.",
    next: "Go back and begin again.",
  },
  CONFLICT: {
    status: 409,
    title: "Somebody was faster",
    what: "It has an answer, or needs none any more. Yours was not written.",
    next: "Go back: the page says what happened.",
  },
  EXPIRED: { status: 410, title: "Its time is over", what: "The request has ended. Nothing was written." },
  UNAVAILABLE: {
    status: 503,
    title: "The ledger cannot be reached",
    what: "Nothing is lost, and nothing was written.",
    next: "Try again in a moment.",
  },
  WRONG_KEY: {
    status: 500,
    title: "The key does not open this",
    what: "The inbox runs with a key that this request was not sealed with.",
    next: html`Whoever runs it finds out more by <code>latchkey doctor</code>.`,
  },
  CORRUPT: {
    status: 500,
    title: "This request is not what it was",
    what: "Its row in the ledger was changed by somebody else. Nothing of it is used.",
  },
};

/** The page for an error; undefined for one that nobody foresaw. */
export function refusalPage(ask: Ask, error: unknown): Promise<Response> | undefined {
  const words = wordsFor(error);
  return words && problem(ask, words.status, words);
}

function wordsFor(error: unknown): Words | undefined {
  if (error instanceof LedgerError) return ledgerWords[error.code];
  if (error instanceof OAuthError)
    return {
      status: 502,
      title: "The sign-in did not work",
      what: oauthWords(error),
      next: "Go back and begin again.",
    };
  if (error instanceof ValidationError) return { status: 422, title: "This is no answer", what: issuesOf(error) };
  return undefined;
}

/** What the authorization server said, and the code that docs/errors.md explains. */
export function oauthWords(error: OAuthError): Html {
  const said =
    error.error === undefined
      ? ""
      : html` The server said <code>${told(error.error, 100)}</code>${
          error.description === undefined ? "" : html`: ${told(error.description, 300)}`
        }.`;
  return html`${told(error.message, 300)}.${said} <span class="quiet">(${error.code}, at ${error.step})</span>`;
}

/** What is wrong with an answer, without the answer. */
export const issuesOf = ({ issues }: ValidationError): string =>
  issues.map(({ path, expected }) => `${path === "" ? "The answer" : path}: expected ${expected}`).join("; ");

/** The page for what nobody foresaw: the code alone, for the text may be anybody's. */
export const unforeseen = (ask: Ask, error: unknown): Promise<Response> =>
  problem(ask, 500, {
    title: "Something went wrong",
    what: html`The inbox could not do that${codeOf(error) === undefined ? "" : html` (<code>${String(codeOf(error))}</code>)`}. Nothing was answered.`,
    next: html`<a href="/">See what waits</a>`,
  });
