// Imports between the rooms of lib/ point one way, to what another room shows: its `index.ts` or its `internal.ts`.
// No imports go in a circle, inside a room either; an import of types counts. `check-imports.mjs [dir]` prints each import
// that breaks a rule, and fails.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { walk } from "./files.mjs";

/** What each room may import. `base` is no face: its files are imported one by one. */
const core = ["base", "protocol", "events", "rpc", "pending"];
const rooms = {
  base: [],
  protocol: ["base"],
  events: ["base", "protocol"],
  rpc: ["base", "protocol", "events"],
  pending: ["base", "protocol", "events", "rpc"],
  ledger: core,
  keeper: [...core, "ledger"],
  oauth: [...core, "ledger"],
  tracing: [...core, "ledger"],
  otel: [...core, "ledger", "tracing"],
  inbox: [...core, "ledger", "oauth"],
  testing: ["base", "protocol", "rpc"],
  cli: [...core, "ledger", "keeper", "oauth", "inbox", "testing", "tracing"],
};
/** What a folder of a room may import besides: the contract of a ledger needs more than the fake runtime may load. */
const corners = { "testing/ledger/": ["pending", "ledger"] };
/** Rooms of which a corner may use types alone: whoever tests a host loads no database. */
const typesOnly = ["ledger"];
const thinCore = ["base/errors.js", ...core.slice(1).map((room) => `${room}/index.js`)];

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
/** Only the command may use them: they are built into it. */
const commandOnly = ["fast-string-truncated-width", "picocolors"];
/** Built into the inbox. */
const inboxOnly = ["hono", "@hono/node-server"];
const dir = process.argv[2] ?? fileURLToPath(new URL("../lib", import.meta.url));

/** Every module that the syntax tree names: imports, re-exports, `import()`, and `import("…")` in types. */
function* specifiers(node) {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) {
    for (const item of node) yield* specifiers(item);
    return;
  }
  const source = node.source ?? (node.type === "TSExternalModuleReference" ? node.expression : undefined);
  if (source?.type === "Literal" && typeof source.value === "string")
    yield { value: source.value, start: source.start, isType: [node.importKind, node.exportKind].includes("type") };
  for (const child of Object.values(node)) yield* specifiers(child);
}

const roomOf = (path) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : "");

function complaint(file, { specifier, isType }) {
  const room = roomOf(file);
  if (!specifier.startsWith(".")) {
    if (specifier.startsWith("node:")) return undefined;
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    if (dependencies.includes(name) || (room === "cli" && commandOnly.includes(name))) return undefined;
    if (room === "inbox" && inboxOnly.includes(name)) return undefined;
    return "is no dependency of the package";
  }
  const target = join(dirname(file), specifier);
  // Files that a build takes in as text have no rooms and no imports.
  if (room === roomOf(target) && /\.(css|svg|client\.js)$/.test(target)) return undefined;
  if (!target.endsWith(".js") || target.startsWith("..")) return "is no module of lib/";
  const otherRoom = roomOf(target);
  if (file === "index.ts") return thinCore.includes(target) ? undefined : "is no part of the thin core";
  if (room === otherRoom) return undefined;
  if (room === "") return "is imported by a file that belongs to no room";
  if (!(room in rooms)) return `is imported by an unknown room, "${room}"`;
  const corner = Object.entries(corners).find(([folder]) => file.startsWith(folder))?.[1] ?? [];
  const allowed = [...rooms[room], ...corner];
  if (!allowed.includes(otherRoom)) return `points the wrong way: "${room}" may import ${allowed.join(", ")}`;
  if (corner.includes(otherRoom) && typesOnly.includes(otherRoom) && !isType)
    return `is more than types: "${dirname(file)}" may import nothing else of "${otherRoom}"`;
  if (otherRoom === "base" || [`${otherRoom}/index.js`, `${otherRoom}/internal.js`].includes(target)) return undefined;
  return `is neither "${otherRoom}/index.js" nor "${otherRoom}/internal.js"`;
}

/** Each circle once, as the files on it. */
function circles(imports) {
  const found = new Map();
  const state = new Map();
  const path = [];
  const visit = (file) => {
    state.set(file, "open");
    path.push(file);
    for (const target of imports.get(file) ?? []) {
      if (state.get(target) === "open") {
        const circle = path.slice(path.indexOf(target));
        found.set([...circle].sort().join(), circle);
      } else if (!state.has(target)) visit(target);
    }
    path.pop();
    state.set(file, "done");
  };
  for (const file of imports.keys()) if (!state.has(file)) visit(file);
  return found.values();
}

const sources = (await walk(dir)).filter((path) => path.endsWith(".ts"));
const complaints = [];
const imports = new Map();
for (const file of sources) {
  const text = readFileSync(join(dir, file), "utf8");
  const { program, errors } = parseSync(file, text);
  for (const { message } of errors) complaints.push(`${file}: ${message}`);
  const targets = [];
  for (const { value, start, isType } of specifiers(program)) {
    const wrong = complaint(file, { specifier: value, isType });
    if (wrong) complaints.push(`${file}:${text.slice(0, start).split("\n").length}: "${value}" ${wrong}`);
    if (value.startsWith(".")) targets.push(join(dirname(file), value).replace(/\.js$/, ".ts"));
  }
  imports.set(file, targets);
}
for (const circle of circles(imports)) complaints.push(`a circle of imports: ${[...circle, circle[0]].join(" -> ")}`);
if (sources.length === 0) complaints.push(`no source below ${dir}`);
for (const line of complaints) process.stderr.write(`${line}\n`);
process.exitCode = complaints.length > 0 ? 1 : 0;
