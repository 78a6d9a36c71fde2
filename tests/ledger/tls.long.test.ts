/** TLS to a real PostgreSQL with a certificate of a test's own authority, and to a proxy that routes by the name in the handshake (SNI). */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { openPostgresLedger } from "latchkey/ledger/postgres";
import * as assert from "uvu/assert";
import { type Certificates, createAuthority, hasOpenssl } from "../support/certificates.js";
import { key } from "../support/ledger/place.js";
import { type PostgresServer, startPostgres } from "../support/ledger/postgres-server.js";
import { oauthRequest, token } from "../support/ledger/requests.js";
import { rejects, suite } from "../support/suite.js";

const test = suite("a ledger over TLS", { timeoutMs: 60_000 });
let authority: Certificates;
let stranger: Certificates;
let server: PostgresServer;

async function start(): Promise<void> {
  [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
  server = await startPostgres({
    listen: "127.0.0.1,127.0.0.2",
    tls: await authority.issue("DNS:localhost", "IP:127.0.0.2"),
  });
}
async function stop(): Promise<void> {
  await server[Symbol.asyncDispose]();
  for (const each of [authority, stranger]) await each[Symbol.asyncDispose]();
}

const at = (host: string, port: number, query: string): string =>
  `${server.url("postgres", { host }).replace(`:${server.port}/`, `:${port}/`)}?${query}`;

/** Whether a ledger works there, and whether its connection is encrypted, as the server sees it. */
async function works(url: string): Promise<void> {
  await using ledger = await openPostgresLedger(url, { key, timeoutMs: 5000 });
  const { id } = await ledger.record(oauthRequest());
  const claim = await ledger.claim({ id }, { owner: "broker" });
  await claim?.answer(token("T"));
  assert.equal((await ledger.deliver(id, { owner: "keeper" }))?.answer, token("T"));
}

async function verified(): Promise<void> {
  const { port } = server;
  await works(at("localhost", port, `schema=full&sslmode=verify-full&sslrootcert=${authority.ca}`));
  await works(at("127.0.0.2", port, `schema=address&sslmode=verify-full&sslrootcert=${authority.ca}`));
  // The address is not in the certificate: verify-full says no, verify-ca and require do not look.
  const refused = { name: "LedgerError" };
  const open = (query: string, host = "localhost") =>
    openPostgresLedger(at(host, port, query), { key, timeoutMs: 5000 });
  await rejects(open(`sslmode=verify-full&sslrootcert=${authority.ca}`, "127.0.0.1"), refused);
  await works(at("127.0.0.1", port, `schema=ca&sslmode=verify-ca&sslrootcert=${authority.ca}`));
  await rejects(open(`sslmode=verify-full&sslrootcert=${stranger.ca}`), refused);
  await rejects(open(`sslmode=verify-ca&sslrootcert=${stranger.ca}`), refused);
  await rejects(open("sslmode=verify-full"), refused);
  await works(at("127.0.0.1", port, "schema=require&sslmode=require"));
}

/** As hosted PostgreSQL does it: answers `S` to the request for TLS, and sends what comes to the server of that name. */
async function startProxy(): Promise<{ port: number; names: string[] } & AsyncDisposable> {
  const names: string[] = [];
  const sockets = new Set<Socket>();
  const context = createSecureContext(await authority.issue("DNS:localhost"));
  const listening = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.once("data", () => {
      socket.write("S");
      const secure = new TLSSocket(socket, {
        isServer: true,
        secureContext: context,
        SNICallback: (name, done) => {
          names.push(name);
          done(name === "localhost" ? null : new Error("no such server"), context);
        },
      });
      secure.on("error", () => socket.destroy());
      secure.once("secure", () => {
        if (secure.servername !== "localhost") return void socket.destroy();
        const behind = connect(server.port, "127.0.0.1");
        sockets.add(behind.on("error", () => socket.destroy()));
        secure.pipe(behind).pipe(secure);
        behind.once("close", () => socket.destroy());
        socket.once("close", () => behind.destroy());
      });
    });
  }).listen(0, "127.0.0.1");
  await once(listening, "listening");
  const address = listening.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    names,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      listening.close();
      await once(listening, "close");
    },
  };
}

async function routed(): Promise<void> {
  await using proxy = await startProxy();
  for (const query of ["schema=sni&sslmode=require", `schema=sni2&sslmode=verify-full&sslrootcert=${authority.ca}`])
    await works(at("localhost", proxy.port, query));
  assert.ok(proxy.names.length >= 2 && proxy.names.every((name) => name === "localhost"), proxy.names.join());
  // An address is no server name (RFC 6066 section 3): the proxy does not know where to.
  const url = at("127.0.0.1", proxy.port, "sslmode=require");
  await rejects(openPostgresLedger(url, { key, timeoutMs: 5000 }), { name: "LedgerError" });
}

const cases = [
  ["is verified as the URL says: authority, name, or neither", verified],
  ["reaches the server that a proxy chooses by the name in the handshake", routed],
] as const;
if (hasOpenssl()) {
  test.before(start);
  test.after(stop);
  for (const [name, body] of cases) test(name, body);
} else for (const [name, body] of cases) test.skip(name, "there is no openssl", body);
