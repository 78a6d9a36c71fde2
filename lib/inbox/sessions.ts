/**
 * Who may see what, by a cookie. In memory: when the inbox ends, so do all sessions.
 *
 *     link      none -> issued -> used         once, within ten minutes
 *     session   none -> open -> over           by a link, by the proxy's word, or by a ticket; over after twelve hours, or when left
 *
 * A session's cookie is changed whenever it may see more than before, so that nobody can plant one beforehand.
 */
import { digest, newToken } from "./secret.js";

/** What a browser may see. */
export interface Session {
  /** Names the browser in what it began. Known to this process and the sealed stash only. */
  readonly browser: string;
  /** Everything that the inbox shows, or what is asked on one principal's behalf. Undefined: nothing but its tickets. */
  readonly sees: { readonly principal?: string | undefined } | undefined;
  /** Entries that it has a ticket for. */
  readonly tickets: ReadonlySet<string>;
}

interface Open extends Session {
  readonly endsAt: number;
}

/** What a session is opened with. A browser that has one keeps its name. */
export interface Rights {
  readonly sees?: Session["sees"];
  readonly tickets?: ReadonlySet<string> | undefined;
  readonly browser?: string | undefined;
}

const linkMs = 10 * 60_000;
const sessionMs = 12 * 3_600_000;
/** More than people have browsers; the oldest make room. */
const limit = 1000;

export class Sessions {
  readonly #links = new Map<string, { readonly endsAt: number; used: boolean }>();
  readonly #open = new Map<string, Open>();

  /** A token for a link that lets somebody in, once. */
  link(): string {
    const token = newToken();
    this.#links.set(digest(token), { endsAt: Date.now() + linkMs, used: false });
    trim(this.#links);
    return token;
  }

  /** Uses a link up. */
  useLink(token: string): "entered" | "used" | "expired" | "unknown" {
    const link = this.#links.get(digest(token));
    if (link === undefined) return "unknown";
    if (link.used) return "used";
    if (link.endsAt <= Date.now()) return "expired";
    link.used = true;
    return "entered";
  }

  find(cookie: string | undefined): Session | undefined {
    if (cookie === undefined || cookie === "") return undefined;
    const found = this.#open.get(digest(cookie));
    if (found === undefined || found.endsAt > Date.now()) return found;
    this.#open.delete(digest(cookie));
    return undefined;
  }

  /** Opens a session, in the place of the one that the browser had. Returns its cookie. */
  open({ sees, tickets = new Set(), browser = newToken() }: Rights, instead?: string): string {
    if (instead !== undefined) this.close(instead);
    const cookie = newToken();
    this.#open.set(digest(cookie), { browser, sees, tickets, endsAt: Date.now() + sessionMs });
    trim(this.#open);
    return cookie;
  }

  close(cookie: string): void {
    this.#open.delete(digest(cookie));
  }
}

function trim(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return;
    map.delete(key);
  }
}
