// Makes the API reference from the doc comments: build/api, one Markdown file for each thing. A public thing without a comment or a
// link that leads nowhere fails it.
//   node scripts/docs.mjs [rpc events …]   those entries alone
// typedoc wants an older TypeScript than the package's own, so it is installed apart, in scripts/api-reference, when it is needed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tool } from "./tools.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const home = join(root, "scripts/api-reference");
const typedoc = join(home, "node_modules/typedoc/bin/typedoc");

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
/** `rpc` -> lib/rpc/index.ts, for every entry of the package. `latchkey` itself comes last: most of it is re-exported there. */
const entries = new Map(
  Object.entries(exports)
    .filter(([, target]) => typeof target === "object")
    .map(([path, { types }]) => [path.slice(2), types.replace("./dist/", "lib/").replace(/\.d\.ts$/, ".ts")])
    .sort(([a], [b]) => Number(a === "") - Number(b === "")),
);

const wanted = process.argv.slice(2);
const paths = wanted.length > 0 ? wanted.map((name) => entries.get(name)) : [...entries.values()];
if (paths.includes(undefined)) throw new Error(`the entries are ${[...entries.keys()].filter(Boolean).join(", ")}`);

if (!existsSync(join(root, "lib/protocol/generated.ts"))) run(process.execPath, ["scripts/build.mjs"]);
tool("api-reference");
run(process.execPath, [
  ...[typedoc, "--options", join(home, "typedoc.json")],
  ...paths.flatMap((path) => ["--entryPoints", join(root, path)]),
  ...(wanted.length > 0 ? ["--out", join(root, "build/api", wanted.join("+").replaceAll("/", "-"))] : []),
]);

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
