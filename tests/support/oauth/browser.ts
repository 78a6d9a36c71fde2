/** A browser: follows a sign-in with its cookies until it would leave the authorization server, and says where to. */
export class Browser {
  readonly #cookies = new Map<string, string>();

  async signIn(start: string): Promise<string> {
    const { origin } = new URL(start);
    let url = start;
    for (let hops = 0; hops < 20; hops++) {
      const response = await this.get(url);
      const location = response.headers.get("location");
      if (location === null) throw new Error(`${url} ends with ${response.status}: ${await response.text()}`);
      url = new URL(location, url).href;
      if (new URL(url).origin !== origin) return url;
    }
    throw new Error("the sign-in goes round in circles");
  }

  /** Enters a device's code and says yes to all that is asked. */
  async enter(start: string): Promise<string> {
    let response = await this.get(start);
    let url = start;
    for (let hops = 0; hops < 20; hops++) {
      const location = response.headers.get("location");
      if (location !== null) {
        url = new URL(location, url).href;
        response = await this.get(url);
        continue;
      }
      const page = await response.text();
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1];
      if (xsrf === undefined) return page;
      const code =
        /name="user_code" value="([^"]+)"/.exec(page)?.[1] ?? new URL(start).searchParams.get("user_code") ?? "";
      const body = new URLSearchParams({ xsrf, user_code: code, confirm: "yes" });
      response = await this.get(url.split("?")[0] ?? url, { method: "POST", body });
    }
    throw new Error("the pages have no end");
  }

  async get(url: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { ...init, redirect: "manual", headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }
}
