// Imports between the rooms of lib/ point one way, and only to another room's face. `check-imports.mjs [dir]`
// prints each import that does not, and fails.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { bundledPackages } from "./bundled.mjs";
import { walk } from "./files.mjs";

/** Each room may import those before it. */
const rooms = ["protocol", "events", "rpc", "pending", "ledger", "cli"];
const core = ["protocol/index.js", "rpc/index.js", "events/index.js", "pending/index.js", "errors.js"];

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const packages = [...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }), ...bundledPackages];
const dir = process.argv[2] ?? fileURLToPath(new URL("../lib", import.meta.url));

/** Every module that the syntax tree names: imports, re-exports, `import()`, and `import("…")` in types. */
function* specifiers(node) {
  if (node === null || typeof node !== "object") return;
  if (Array.isArray(node)) {
    for (const item of node) yield* specifiers(item);
    return;
  }
  const source = node.source ?? (node.type === "TSExternalModuleReference" ? node.expression : undefined);
  if (source?.type === "Literal" && typeof source.value === "string") yield source;
  for (const child of Object.values(node)) yield* specifiers(child);
}

function complaint(file, specifier) {
  if (!specifier.startsWith(".")) {
    if (specifier.startsWith("node:")) return undefined;
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    return packages.includes(name) ? undefined : "is no dependency of the package";
  }
  const target = join(dirname(file), specifier);
  const [room, otherRoom] = [file, target].map((path) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : ""));
  if (!target.endsWith(".js") || target.startsWith("..")) return "is no module of lib/";
  if (file === "index.ts") return core.includes(target) ? undefined : "is no part of the thin core";
  if (target === "errors.js" || room === otherRoom) return undefined;
  if (room === "") return "is imported by a file that belongs to no room";
  if (!rooms.includes(room)) return `is imported by an unknown room, "${room}"`;
  if (!rooms.includes(otherRoom) || rooms.indexOf(otherRoom) > rooms.indexOf(room)) {
    return `points the wrong way: ${rooms.join(" <- ")}`;
  }
  return target === `${otherRoom}/index.js` ? undefined : `is not the face of its room, "${otherRoom}/index.js"`;
}

const sources = (await walk(dir)).filter((path) => path.endsWith(".ts"));
const complaints = [];
for (const file of sources) {
  const text = readFileSync(join(dir, file), "utf8");
  const { program, errors } = parseSync(file, text);
  for (const { message } of errors) complaints.push(`${file}: ${message}`);
  for (const { value, start } of specifiers(program)) {
    const wrong = complaint(file, value);
    if (wrong) complaints.push(`${file}:${text.slice(0, start).split("\n").length}: "${value}" ${wrong}`);
  }
}
if (sources.length === 0) complaints.push(`no source below ${dir}`);
for (const line of complaints) process.stderr.write(`${line}\n`);
process.exitCode = complaints.length > 0 ? 1 : 0;
