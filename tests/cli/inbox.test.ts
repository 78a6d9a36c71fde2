/** `latchkey inbox`: the link that it prints and opens, how it ends, and what it refuses. */
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { openLedger } from "latchkey/ledger";
import * as assert from "uvu/assert";
import { latchkey, openPlace, type Place } from "../support/commands.js";
import { asked, samples } from "../support/inbox/requests.js";
import { enter, Visitor } from "../support/inbox/visit.js";
import { suite } from "../support/suite.js";

const test = suite("latchkey inbox");
let place: Place;

test.before.each(async () => {
  place = await openPlace();
  await using ledger = await openLedger(join(place.state, "ledger.db"));
  await ledger.record(asked("permission.requested", samples["permission.requested"] ?? {}));
});
test.after.each(async () => {
  await place[Symbol.asyncDispose]();
});

test("prints a link that lets in once, serves what waits, and ends by a signal with 0", async () => {
  let seen: Promise<string> | undefined;
  const { code, err } = await latchkey(
    place,
    ["inbox", "--port", "0", "--no-open", "--owner", "ada"],
    "",
    (url, child) => {
      seen = (async () => {
        try {
          const { origin } = new URL(url);
          const visitor = await enter({ url, origin });
          const page = (await visitor.get("/")).text;
          const [, id = ""] = /id="entry-([^"]+)"/.exec(page) ?? [];
          assert.is((await visitor.post(`/entries/${id}/answer`, { press: "yes" })).status, 303);
          return page;
        } finally {
          child.kill("SIGTERM");
        }
      })();
    },
  );
  assert.is(code, 0, err);
  assert.match((await seen) ?? "", "Run npm publish --tag next");
  await using ledger = await openLedger(join(place.state, "ledger.db"));
  const [entry] = await ledger.list();
  assert.is(entry?.state, "answered");
  assert.is((await ledger.receipts(entry?.id ?? "")).at(-1)?.by, "ada in the inbox");
});

test("opens the browser that the environment names, with the link alone", async () => {
  const opened = join(place.dir, "opened");
  const browser = join(place.dir, "browser");
  await writeFile(browser, `#!/bin/sh\necho "$@" > ${opened}.new && mv ${opened}.new ${opened}\n`, { mode: 0o755 });
  const env = { ...place.env, BROWSER: browser };
  let link = "";
  await latchkey({ ...place, env }, ["inbox", "--port", "0"], "", (url, child) => {
    link = url;
    void (async () => {
      while ((await readFile(opened, "utf8").catch(() => "")) === "") await new Promise(setImmediate);
      child.kill("SIGTERM");
    })();
  });
  assert.is((await readFile(opened, "utf8")).trim(), link);
});

test("stands behind a proxy that has its secret", async () => {
  const env = { ...place.env, LATCHKEY_PROXY_SECRET: "a-secret-of-the-proxy" };
  const args = ["inbox", "--port", "0", "--public-url", "https://inbox.example", "--json"];
  let statuses: Promise<number[]> | undefined;
  const { code, err } = await latchkey({ ...place, env }, args, "", (line, child) => {
    statuses = (async () => {
      try {
        const { url, listens }: { url: string; listens: string } = JSON.parse(line);
        assert.is(url, "https://inbox.example/");
        const user = { host: "inbox.example", "x-forwarded-user": "ada" };
        const proxied = new Visitor(listens, { ...user, "x-latchkey-proxy": "a-secret-of-the-proxy" });
        return [(await proxied.get("/")).status, (await new Visitor(listens, user).get("/")).status];
      } finally {
        child.kill("SIGTERM");
      }
    })();
  });
  assert.is(code, 0, err);
  assert.equal(await statuses, [200, 401]);
});

test("refuses what contradicts itself, and a port that is taken", async () => {
  for (const [args, words] of [
    [["--host", "0.0.0.0"], /go with --public-url/],
    [["--public-url", "http://inbox.example"], /must be an https origin/],
    [["--port", "many"], /--port must be a port/],
    [["--client-id", "c-1"], /go together/],
    [["--client-secret-file", "none"], /goes with --client-id/],
  ] as const) {
    const { code, err } = await latchkey(place, ["inbox", ...args]);
    assert.is(code, 2, args.join(" "));
    assert.match(err, words);
  }
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    const { code, err } = await latchkey(place, ["inbox", "--port", String(port), "--no-open"]);
    assert.is(code, 1);
    assert.match(err, /is taken.*--port 0/);
  } finally {
    server.close();
  }
});
