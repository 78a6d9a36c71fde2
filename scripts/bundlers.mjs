// npm run test:bundlers [-- name…]: the packed package in other people's projects: bundled by each tool, run under each test runner, its types read
// by each TypeScript. The tools are those of scripts/bundlers/, installed from npm when they are not there yet. The project
// has neither `postgres` nor a runtime. A row fails when the tool fails, when it warns, or when what it made does not run.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { tool } from "./tools.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const home = join(root, "scripts/bundlers");
const { positionals: wanted } = parseArgs({ allowPositionals: true });
const bin = (name) => join(home, "node_modules/.bin", name);

/** Runs a program in the project; its output when it ends well. */
function run(command, args, { env = {}, cwd = project } = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  const output = `${stdout}${stderr}${error ?? ""}`;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}\n${output}`);
  return output;
}

/** Runs a tool that is to say nothing in the way of a warning. */
function quietly(command, args, options) {
  const output = run(command, args, options);
  const warning = /.*(warn|critical dependency|unresolved|could not resolve).*/i.exec(
    output.replaceAll(/ExperimentalWarning.*|--trace-warnings.*/g, ""),
  );
  if (warning) throw new Error(`${command} ${args.join(" ")} warns:\n${output}`);
  return output;
}

const proves = (output) => {
  if (!output.includes("OK 1.0.99 true 1")) throw new Error(`the program says:\n${output}`);
};
const node = (file, options) => proves(run(process.execPath, [file], options));

/** What a host does, without a runtime of its own: a stand-in answers. */
const program = `
import { createServer } from "node:net";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as core from "latchkey";
import { follow } from "latchkey/events";
import { keepSessions } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { handlePendingRequest, pendingRequest } from "latchkey/pending";
import { connect, findRuntime } from "latchkey/rpc";

const answer = (socket, { id, method }) => {
  const result = method === "connect" ? { ok: true, protocolVersion: 3, version: "1.0.99" } : { success: true };
  const body = JSON.stringify({ jsonrpc: "2.0", id, result });
  socket.write("Content-Length: " + Buffer.byteLength(body) + "\\r\\n\\r\\n" + body);
};
export async function main() {
  const server = createServer((socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk;
      for (let found; (found = /^Content-Length: (\\d+)\\r\\n\\r\\n/.exec(text)); ) {
        const end = found[0].length + Number(found[1]);
        if (text.length < end) return;
        const message = JSON.parse(text.slice(found[0].length, end));
        text = text.slice(end);
        if (message.id !== undefined) answer(socket, message);
      }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const rpc = await connect({ port: server.address().port });
  const event = { type: "permission.requested", data: { requestId: "r1", permissionRequest: { kind: "shell", toolCallId: "t" } } };
  const request = pendingRequest(event, { sessionId: "s1" });
  const { accepted } = await handlePendingRequest(rpc, request, { kind: "approve-once" });
  const ledger = await openLedger(join(mkdtempSync(join(tmpdir(), "latchkey-bundled-")), "ledger.db"));
  await ledger.record(request);
  const { length } = await ledger.list({});
  const none = await openLedger("postgres://127.0.0.1:1/none").catch((error) => error);
  if (none.code !== "UNAVAILABLE" && none.code !== "WRONG_KEY") throw none;
  try { findRuntime({}); } catch (error) { if (error.code !== "REFUSED") throw error; }
  await ledger.close();
  await rpc.close();
  server.close();
  if (![follow, keepSessions, core.resume].every((each) => typeof each === "function")) throw new Error("something is missing");
  return "OK " + rpc.hello.version + " " + accepted + " " + length;
}
`;

const rows = {
  "node, ESM": () => node("app.mjs"),
  "node, require()": () => {
    if (process.features.require_module !== true) return "skipped: this Node cannot require() a module";
    return node("required.cjs");
  },
  "esbuild, ESM": () => {
    quietly(bin("esbuild"), [
      "app.mjs",
      "--bundle",
      "--platform=node",
      "--format=esm",
      "--outfile=out/esbuild/app.mjs",
      banner,
    ]);
    node("out/esbuild/app.mjs");
  },
  "esbuild, ESM, split": () => {
    quietly(bin("esbuild"), [
      "app.mjs",
      "--bundle",
      "--platform=node",
      "--format=esm",
      "--splitting",
      "--minify",
      "--outdir=out/esbuild-split",
      "--out-extension:.js=.mjs",
      banner,
    ]);
    node("out/esbuild-split/app.mjs");
  },
  "esbuild, CommonJS": () => {
    quietly(bin("esbuild"), [
      "app-main.mjs",
      "--bundle",
      "--platform=node",
      "--format=cjs",
      "--minify",
      "--outfile=out/esbuild/app.cjs",
    ]);
    node("out/esbuild/app.cjs");
  },
  rollup: () => {
    quietly(bin("rollup"), ["-c", "rollup.config.mjs"]);
    node("out/rollup/app.mjs");
  },
  webpack: () => {
    quietly(bin("webpack"), ["--config", "webpack.config.cjs"]);
    node("out/webpack/app.cjs");
  },
  "Vite, SSR": () => {
    quietly(bin("vite"), ["build", "--config", "vite.config.mjs"]);
    node("out/vite/app.mjs");
  },
  "Vite, SSR, nothing external": () => {
    quietly(bin("vite"), ["build", "--config", "vite.config.mjs"], { env: { ALL: "1" } });
    node("out/vite/app.mjs");
  },
  Vitest: () => run(bin("vitest"), ["run", "--config", "vitest.config.mjs"]),
  "Jest, ESM": () => run(process.execPath, ["--experimental-vm-modules", join(home, "node_modules/jest/bin/jest.js")]),
  ...Object.fromEntries(
    ["5", "7"].flatMap((version) =>
      [
        ["nodenext", "nodenext"],
        ["node20", "node16"],
        ["esnext", "bundler"],
        ["preserve", "bundler"],
      ].map(([module, resolution]) => [
        `TypeScript ${version}, ${module} and ${resolution}`,
        () =>
          run(process.execPath, [
            join(home, `node_modules/typescript-${version}/bin/tsc`),
            "--noEmit",
            "--strict",
            "--target",
            "es2022",
            "--module",
            module,
            "--moduleResolution",
            resolution,
            "--types",
            "node",
            "--typeRoots",
            "node_modules/@types",
            "--skipLibCheck",
            "false",
            "types.mts",
          ]),
      ]),
    ),
  ),
};

/** What a bundle of packages in CommonJS needs when it is itself a module: esbuild's own advice. */
const banner = `--banner:js=import { createRequire as bundledRequire } from "node:module"; const require = bundledRequire(import.meta.url);`;

const files = {
  "package.json": JSON.stringify({
    name: "project",
    private: true,
    jest: { testMatch: ["**/a.test.mjs"], transform: {} },
  }),
  "main.mjs": program,
  "app.mjs": 'import { main } from "./main.mjs";\nconsole.log(await main());\n',
  "app-main.mjs": 'import { main } from "./main.mjs";\nmain().then(console.log);\n',
  "required.cjs": `
    const face = (name) => require("latchkey" + name);
    if (typeof face("/rpc").connect !== "function" || typeof face("").resume !== "function") throw new Error("something is missing");
    for (const name of ["/events", "/pending", "/ledger", "/keeper"]) face(name);
    require("./main.mjs").main().then(console.log);`,
  "rollup.config.mjs": `
    import commonjs from "@rollup/plugin-commonjs";
    import json from "@rollup/plugin-json";
    import resolve from "@rollup/plugin-node-resolve";
    const output = { dir: "out/rollup", format: "es", entryFileNames: "app.mjs", chunkFileNames: "[name].mjs" };
    export default { input: "app.mjs", output, plugins: [resolve({ preferBuiltins: true, exportConditions: ["node"] }), commonjs(), json()] };`,
  "webpack.config.cjs": `
    module.exports = { mode: "production", target: "node", entry: "./app-main.mjs", devtool: false, stats: "errors-warnings",
      output: { path: __dirname + "/out/webpack", filename: "app.cjs" } };`,
  "vite.config.mjs": `
    export default { build: { ssr: "app.mjs", outDir: "out/vite", emptyOutDir: true, rollupOptions: { output: { entryFileNames: "app.mjs" } } },
      ssr: process.env.ALL ? { noExternal: true } : {}, logLevel: "warn" };`,
  "vitest.config.mjs": 'export default { test: { include: ["vitest.test.mjs"] } };\n',
  "vitest.test.mjs": `
    import { expect, test } from "vitest";
    import { main } from "./main.mjs";
    test("latchkey", async () => expect(await main()).toBe("OK 1.0.99 true 1"));`,
  "a.test.mjs": `
    import { main } from "./main.mjs";
    test("latchkey", async () => expect(await main()).toBe("OK 1.0.99 true 1"));`,
  "types.mts": `
    import { connect } from "latchkey";
    import { follow } from "latchkey/events";
    import { openLedger } from "latchkey/ledger";
    import { hold } from "latchkey/pending";
    import { startRuntime } from "latchkey/rpc";
    const rpc = await connect("tcp://127.0.0.1:1");
    // @ts-expect-error: there is no such method
    await rpc.request("no.such.method");
    export const { version } = rpc.hello;
    export { follow, hold, openLedger, startRuntime };`,
};

tool("bundlers");
const project = mkdtempSync(join(tmpdir(), "latchkey-bundlers-"));
let failed = 0;
try {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", project], { cwd: root });
  const tarball = readdirSync(project).find((name) => name.endsWith(".tgz"));
  // On a Node without SQLite the drop-in belongs to what a user installs; the rest of the tools is not installed again.
  const sqlite = process.getBuiltinModule?.("node:sqlite") === undefined ? ["@photostructure/sqlite@1"] : [];
  run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`, ...sqlite]);
  for (const name of readdirSync(join(home, "node_modules"))) {
    const target = join(project, "node_modules", name);
    if (!name.startsWith(".") && !existsSync(target)) symlinkSync(join(home, "node_modules", name), target);
  }
  mkdirSync(join(project, "node_modules/@types"), { recursive: true });
  if (!existsSync(join(project, "node_modules/@types/node")))
    cpSync(join(home, "node_modules/@types/node"), join(project, "node_modules/@types/node"), { recursive: true });
  for (const [name, row] of Object.entries(rows)) {
    if (wanted.length > 0 && !wanted.some((each) => name.toLowerCase().includes(each.toLowerCase()))) continue;
    try {
      const said = row();
      process.stdout.write(
        `ok    ${name}${typeof said === "string" && said.startsWith("skipped") ? `  ${said}` : ""}\n`,
      );
    } catch (error) {
      failed += 1;
      process.stdout.write(`FAIL  ${name}\n${error.message.replace(/^/gm, "      | ")}\n`);
    }
  }
} finally {
  rmSync(project, { recursive: true, force: true });
}
process.stdout.write(`${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
