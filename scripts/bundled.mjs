// The packages whose code is built into dist/ instead of being imported by it: fewer files to load, and only what is
// used of them. docs/dependencies.md says why each is; their licences go into dist/THIRD-PARTY-LICENSES.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import * as valibot from "valibot";
import { walk } from "./files.mjs";

const require = createRequire(import.meta.url);

/** What only the command uses. */
const commandPackages = ["fast-string-truncated-width", "picocolors"];

export const bundledPackages = ["mitt", "valibot", "vscode-jsonrpc", ...commandPackages];

/** One file for every room: what they use of valibot. */
export const valibotFace = "vendor/valibot";

/** An import that stays one: of the built file of `target`, seen from that of `face`. */
export function importOf(target, face) {
  const path = relative(dirname(face), `${target}.js`);
  return { path: path.startsWith(".") ? path : `./${path}`, external: true };
}

const folderOf = (name) => {
  const [before] = require.resolve(name).split(`/node_modules/${name}/`);
  return join(before, "node_modules", name);
};

/** An import of the whole of valibot, of which a bundle keeps what it uses. */
export const valibotItself = () => ({ path: join(folderOf("valibot"), "dist/index.mjs"), sideEffects: false });

/**
 * The connection of vscode-jsonrpc without its readers, writers and stream wrappers. Its modules are not exported by
 * the package, and they want a runtime abstraction layer installed; this copy gets one of its own, which never prints,
 * so that another copy of the package in the same process is left alone.
 */
const privateJsonRpc = `
  import * as ral from "./lib/common/ral.js";
  export { createMessageConnection } from "./lib/common/connection.js";
  export { CancellationTokenSource } from "./lib/common/cancellation.js";
  export { Emitter } from "./lib/common/events.js";
  export { ErrorCodes, ResponseError } from "./lib/common/messages.js";
  const disposable = (start, stop) => (...args) => {
    const handle = start(...args);
    return { dispose: () => stop(handle) };
  };
  const nothing = () => undefined;
  ral.default.install({
    console: { error: nothing, info: nothing, log: nothing, warn: nothing },
    timer: {
      setImmediate: disposable(setImmediate, clearImmediate),
      setInterval: disposable(setInterval, clearInterval),
      setTimeout: disposable(setTimeout, clearTimeout),
    },
  });
`;

/** What latchkey never reaches in it: signatures by number of parameters, and tracing, whose functions do nothing then. */
const leftOut = {
  "messages.js": [
    ["class RequestType0 ", "class NotificationType "],
    ["class NotificationType0 ", "var Message;"],
  ],
  "connection.js": [
    ["    function stringifyTrace(", "    function throwIfClosedOrDisposed("],
    ["var TraceValue;", "var TraceFormat;"],
  ],
  "cancellation.js": [],
  "events.js": [],
};

async function without(path, cuts) {
  // The compiler's helpers for modules of other kinds, in each file anew: there are none.
  let text = (await readFile(path, "utf8"))
    .replace(/^var __[\s\S]*?^(?=Object\.defineProperty\(exports, "__esModule")/m, "")
    .replace(/__import(?:Star|Default)\((require\("[^"]+"\))\)/g, "$1");
  for (const [first, behind] of cuts) {
    const [from, to] = [text.indexOf(`\n${first}`), text.indexOf(`\n${behind}`)];
    if (from < 0 || to < from) throw new Error(`${path} is not what it was: "${first}" … "${behind}"`);
    const rest = text.slice(0, from) + text.slice(to);
    const stubs = [...text.slice(from, to).matchAll(/^ {4}function (\w+)/gm)]
      .filter(([, name]) => new RegExp(`(?<![.\\w])${name}\\(`).test(rest))
      .map(([, name]) => `function ${name}() {}`);
    text = `${text.slice(0, from)}\n${stubs.join("\n")}${text.slice(to)}`;
  }
  return text;
}

/** Its queue of messages, so much of it as the connection uses: a Map keeps their order too. */
const messageQueue = `
  exports.LinkedMap = class extends Map {
    shift() {
      for (const [key, value] of this) {
        this.delete(key);
        return value;
      }
    }
  };
`;

/** For the bundle of one face of the package. */
export const packagesInside = (face) => ({
  name: "packages inside",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^mitt$/ }, () => ({ path: join(folderOf("mitt"), "dist/mitt.mjs") }));
    onResolve({ filter: new RegExp(`^(${commandPackages.join("|")})$`) }, ({ path, resolveDir }) => ({
      path: createRequire(`${resolveDir}/`).resolve(path),
    }));
    onResolve({ filter: /^valibot$/ }, () => {
      if (face === valibotFace) return valibotItself();
      return importOf(valibotFace, face);
    });
    onResolve({ filter: /^vscode-jsonrpc\/node$/ }, ({ path }) => ({ path, namespace: "private", sideEffects: true }));
    onLoad({ filter: /^/, namespace: "private" }, () => ({
      contents: privateJsonRpc,
      resolveDir: folderOf("vscode-jsonrpc"),
    }));
    onLoad(
      { filter: /[\\/]vscode-jsonrpc[\\/]lib[\\/]common[\\/](linkedMap|messages|connection|cancellation|events)\.js$/ },
      async ({ path }) =>
        path.endsWith("linkedMap.js")
          ? { contents: messageQueue }
          : { contents: await without(path, leftOut[basename(path)]) },
    );
  },
});

/** The source of the face that holds what the rooms below `lib` use of valibot. */
export async function valibotSource(lib) {
  const used = new Set();
  for (const path of await walk(lib)) {
    if (!path.endsWith(".ts")) continue;
    const text = await readFile(join(lib, path), "utf8");
    if (!/^import \* as v from "valibot";$/m.test(text)) continue;
    for (const [, name] of text.matchAll(/\bv\.(\w+)/g)) if (name in valibot) used.add(name);
  }
  return `export { ${[...used].sort().join(", ")} } from "valibot";`;
}

export async function licences() {
  const texts = await Promise.all(
    bundledPackages.map(async (name) => {
      const folder = folderOf(name);
      const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
      const files = (await walk(folder)).filter((path) => /^licen[cs]e[-.\w]*$/i.test(path));
      const text = await Promise.all(files.map((path) => readFile(join(folder, path), "utf8")));
      if (text.length === 0) throw new Error(`${name} has no licence file`);
      return `${name} ${version}\n\n${text.join("\n").replaceAll("\r\n", "\n").trim()}\n`;
    }),
  );
  return `latchkey contains parts of these packages.\n\n${texts.join(`\n${"-".repeat(80)}\n\n`)}`;
}
