/** A browser without a screen: keeps cookies, follows nothing by itself, and says where its forms come from. */
import { request } from "node:http";

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface Visit {
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  readonly method?: string;
  readonly body?: string;
}

/** `fetch` would not let a test say a `Host`, or a header twice. */
export function ask(url: string, { headers = {}, method = "GET", body }: Visit = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const said = Object.entries(headers).filter(([, value]) => value !== undefined);
    const outgoing = request(url, { method, headers: Object.fromEntries(said), agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.once("error", reject);
      incoming.once("end", () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    outgoing.once("error", reject);
    // As text, it would go out in one piece with the headers, which then were UTF-8 too.
    outgoing.end(body === undefined ? undefined : Buffer.from(body));
  });
}

export class Visitor {
  readonly #cookies = new Map<string, string>();
  /** What every `Set-Cookie` said. */
  readonly setCookies: string[] = [];

  constructor(
    readonly origin: string,
    readonly extra: Readonly<Record<string, string>> = {},
  ) {}

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  set cookie(line: string) {
    for (const one of line.split("; ")) {
      const [name = "", value = ""] = one.split("=");
      this.#cookies.set(name, value);
    }
  }

  async get(path: string, headers: Visit["headers"] = {}): Promise<Answered> {
    const site = { "sec-fetch-site": "none" };
    return await this.#ask(path, { headers: { ...site, ...headers } });
  }

  async post(path: string, form: Record<string, string>, headers: Visit["headers"] = {}): Promise<Answered> {
    return await this.#ask(path, {
      method: "POST",
      body: new URLSearchParams(form).toString(),
      headers: {
        ...{ origin: this.origin, "sec-fetch-site": "same-origin" },
        ...{ "content-type": "application/x-www-form-urlencoded", ...headers },
      },
    });
  }

  async #ask(path: string, visit: Visit): Promise<Answered> {
    const headers = { ...this.extra, ...(this.cookie === "" ? {} : { cookie: this.cookie }), ...visit.headers };
    const answered = await ask(new URL(path, this.origin).href, { ...visit, headers });
    for (const line of [answered.headers["set-cookie"] ?? []].flat()) {
      this.setCookies.push(line);
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return answered;
  }
}

/** A browser that has come in by the inbox's link. */
export async function enter(inbox: { url: string; origin: string }): Promise<Visitor> {
  const visitor = new Visitor(inbox.origin);
  const { status } = await visitor.get(new URL(inbox.url).pathname);
  if (status !== 303) throw new Error(`the link led to ${status}`);
  return visitor;
}
