// The pages of the site as Markdown, by path. What a page links to and that is no page becomes one: a file with its text, a folder with
// the list of its files. So the site stands on its own, wherever it is put.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

const ownPages = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"];
const languages = {
  ts: "ts",
  mjs: "js",
  json: "json",
  yaml: "yaml",
  py: "python",
  service: "ini",
  env: "ini",
  conf: "ini",
  "": "docker",
};

export function stage(root) {
  const pages = new Map();
  const wanted = [];
  const add = (path, text, origin) => {
    if (pages.has(path)) return;
    pages.set(path, rewrite(text, { root, origin, want: (file) => wanted.push(file) }));
  };
  for (const name of ownPages.filter((each) => existsSync(join(root, each)))) add(pageOf(name), read(root, name), name);
  for (const name of readdirSync(join(root, "docs")).filter((each) => each.endsWith(".md")))
    add(`docs/${name}`, read(root, `docs/${name}`), `docs/${name}`);
  for (const path of walk(join(root, "build/api")).filter((each) => each.endsWith(".md")))
    pages.set(join("api", apiPage(path)), apiText(read(root, join("build/api", path))));
  for (let next = wanted.shift(); next !== undefined; next = wanted.shift())
    if (!pages.has(pageOf(next)))
      pages.set(
        pageOf(next),
        sourcePage(root, next, (file) => wanted.push(file)),
      );
  return pages;
}

const read = (root, path) => readFileSync(join(root, path), "utf8");

const walk = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile())
    .map((each) => relative(folder, join(each.parentPath ?? each.path, each.name)));

/** The page of a file of the repository. */
function pageOf(path) {
  if (path === "README.md") return "index.md";
  if (path === "LICENSE") return "license.md";
  if (/^[A-Z]+\.md$/.test(path)) return path.toLowerCase();
  if (/^docs\/[^/]+\.md$/.test(path)) return path;
  // Nothing is made of what begins with a dot.
  return `source/${path.replace(/\/$/, "").replace(/(^|\/)\./g, "$1")}.md`;
}

/** Links to files of the repository become links to their pages; comments for the tests of the docs go. */
function rewrite(text, { root, origin, want }) {
  const parts = text.split(/^(```.*?^```$)/ms);
  return parts.map((part, i) => (i % 2 === 1 ? fence(part) : prose(part, { root, origin, want }))).join("");
}

const fence = (block) => block.replace(/^```(\w+) \S+$/m, "```$1");

function prose(text, { root, origin, want }) {
  return text
    .replace(/^<!-- .*? -->\n+/gm, "")
    .replaceAll("{{", "&#123;&#123;")
    .replace(/\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)/g, (_, target, anchor = "") => {
      const path = normalize(join(dirname(origin), target));
      if (path.startsWith("..") || !existsSync(join(root, path)))
        throw new Error(`${origin} links to ${target}, which is not there`);
      if (/\.(svg|png)$/.test(path)) return `](${target})`;
      if (pageOf(path).startsWith("source/")) want(path);
      const link = relative(dirname(pageOf(origin)), pageOf(path));
      return `](${link.startsWith(".") ? link : `./${link}`}${anchor})`;
    });
}

function sourcePage(root, path, want) {
  if (statSync(join(root, path)).isDirectory()) {
    const files = readdirSync(join(root, path), { withFileTypes: true });
    const lines = files.map((each) => {
      want(join(path, each.name));
      return `- [${each.name}](./${path.split("/").filter(Boolean).at(-1)}/${each.name}.md)`;
    });
    return `# ${path}\n\n${lines.join("\n")}\n`;
  }
  const ending = /\.(\w+)$/.exec(path)?.[1] ?? "";
  if (ending === "md") return rewrite(read(root, path), { root, origin: path, want });
  const text = read(root, path).replace(/\n$/, "");
  const ticks = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `---\nsearch: false\n---\n\n# ${path}\n\n${ticks}${languages[ending] ?? "text"}\n${text}\n${ticks}\n`;
}

const apiPage = (path) => path.replace(/README\.md$/, "index.md");

/** Of a type's text nothing is a tag or a template. */
const apiText = (text) => text.replaceAll("README.md", "index.md").replaceAll("{{", "&#123;&#123;");
