import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";

const source = join(import.meta.dirname, "..");
const { SITE_BASE: base = "/", SITE_VERSION: version = "", SITE_OUT: outDir } = process.env;

const page = (link, text = titleOf(link)) => ({ text, link: `/${link}` });
const docs = (...names) => names.map(([name, text]) => page(`docs/${name}`, text));

function titleOf(link) {
  const [, title = link] = /^# (.*)$/m.exec(readFileSync(join(source, `${link}.md`), "utf8")) ?? [];
  return title;
}

/** The folders of the API reference are the entries of the package. */
const entries = readdirSync(join(source, "api"), { withFileTypes: true })
  .filter((each) => each.isDirectory())
  .map(({ name }) => ({ text: name === "index" ? "latchkey" : `latchkey/${name}`, link: `/api/${name}/` }));

const groups = [
  [
    "Using latchkey",
    [
      ["rpc", "Connecting"],
      ["events", "Events"],
      ["pending", "Pending requests"],
      ["kinds", "Kinds of request"],
      ["ledger", "The ledger"],
      ["oauth", "OAuth"],
    ],
  ],
  [
    "At the shell",
    [
      ["shell", "The command"],
      ["inbox", "The inbox"],
      ["repl", "The REPL"],
      ["wire", "Other languages"],
    ],
  ],
  [
    "Recipes and tests",
    [
      ["cookbook", "Cookbook"],
      ["testing-your-host", "Testing your host"],
    ],
  ],
  [
    "In production",
    [
      ["operating", "Operating"],
      ["tracing", "Tracing"],
      ["failure", "What a crash costs"],
      ["errors", "Errors"],
    ],
  ],
  [
    "Looking closer",
    [
      ["architecture", "Architecture"],
      ["protocol", "The protocol"],
      ["runtimes", "Runtimes and Nodes"],
      ["performance", "Performance"],
      ["dependencies", "Dependencies"],
      ["testing", "Tests"],
    ],
  ],
];
const there = new Set(readdirSync(join(source, "docs")).map((name) => name.replace(/\.md$/, "")));
const listed = new Set(groups.flatMap(([, names]) => names.map(([name]) => name)));
const others = [...there].filter((name) => !listed.has(name) && !/\.(svg|png|json)$/.test(name)).map((name) => [name]);

/** The same ids as where the pages are read in the repository. */
const slugify = (text) =>
  text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");

export default defineConfig({
  title: "latchkey",
  description: "A low-level, event-driven toolkit for hosts of the GitHub Copilot runtime",
  lang: "en",
  base,
  outDir,
  cleanUrls: false,
  lastUpdated: false,
  markdown: {
    html: false,
    anchor: { slugify },
    config(md) {
      // A drawing of arrows is shown as the list of its arrows: no program draws it in the browser.
      const fence = md.renderer.rules.fence;
      md.renderer.rules.fence = (tokens, i, ...rest) =>
        tokens[i].info === "mermaid" ? arrows(tokens[i].content) : fence(tokens, i, ...rest);
    },
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Start", link: "/" },
      { text: "API", link: "/api/" },
      { text: version, link: "/changelog" },
    ],
    sidebar: [
      { text: "Start", items: [page("index", "Start here"), page("changelog", "Changelog")] },
      ...groups.map(([text, names]) => ({ text, items: docs(...names.filter(([name]) => there.has(name))) })),
      ...(others.length > 0 ? [{ text: "More", items: docs(...others) }] : []),
      { text: "API reference", collapsed: true, items: entries },
      { text: "The project", items: [page("contributing"), page("security"), page("license", "License")] },
    ],
  },
});

function arrows(text) {
  const from = new Map();
  for (const [, a, b] of text.matchAll(/^ *(\w+) --> (\w+)$/gm)) from.set(a, [...(from.get(a) ?? []), b]);
  const rows = [...from].map(
    ([a, all]) => `<tr><td><code>${a}</code></td><td>${all.map((b) => `<code>${b}</code>`).join(" ")}</td></tr>`,
  );
  return `<table><thead><tr><th>room</th><th>imports</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}
