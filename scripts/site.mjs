// Makes the docs site, build/site, from README.md, docs/, the API reference and the files that the pages link to: static pages with a
// search that runs in the browser. A link that leads nowhere fails it.
//   node scripts/site.mjs [--base /latchkey/]   where on its server the site will lie; / when left out
// VitePress brings a bundler of its own, so it is installed apart, in scripts/site, when it is needed.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { stage } from "./site/stage.mjs";
import { tool } from "./tools.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { base: { type: "string", default: "/" } } });
const home = tool("site");
const source = join(root, "build/site-source");

if (!existsSync(join(root, "build/api/README.md"))) run(process.execPath, ["scripts/docs.mjs"], root);
rmSync(source, { recursive: true, force: true });
const pages = stage(root);
for (const [path, text] of pages) {
  mkdirSync(dirname(join(source, path)), { recursive: true });
  writeFileSync(join(source, path), text);
}
cpSync(join(home, ".vitepress"), join(source, ".vitepress"), { recursive: true });
for (const name of readdirSync(join(root, "docs")).filter((each) => /\.(svg|png)$/.test(each)))
  cpSync(join(root, "docs", name), join(source, "docs", name));
// The configuration and the theme find VitePress where it is installed.
symlinkSync(join(home, "node_modules"), join(source, "node_modules"));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const env = { SITE_BASE: values.base, SITE_VERSION: version, SITE_OUT: join(root, "build/site") };
run(process.execPath, [join(home, "node_modules/vitepress/bin/vitepress.js"), "build", source], source, env);

function run(command, args, cwd, env = {}) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit", env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
