// The tables of docs/runtimes.md, made from what the scenarios said.

const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const scenarioNames = (cells) => [
  ...new Set(cells.flatMap(({ scenarios }) => scenarios.map(({ scenario }) => scenario))),
];

/** One line of text that a table can hold. */
const plain = (text) => text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ").slice(0, 160);

const mark = (told) => (told === undefined ? "not reached" : told.ok ? "yes" : `no: ${plain(told.error ?? "")}`);

/** A row a runtime or engine, a column a scenario. */
export function matrix(title, cells, nameOf) {
  const names = scenarioNames(cells);
  const rows = cells.map((cell) => [
    ...nameOf(cell),
    ...names.map((name) => mark(cell.scenarios.find(({ scenario }) => scenario === name))),
  ]);
  return table([...title, ...names], rows);
}

/** Each value that a fact had, with the version from which it is so. `cells` go from the oldest to the newest. */
function factsOf(cells) {
  const facts = new Map();
  for (const { version, scenarios } of cells)
    for (const { facts: told } of scenarios)
      for (const [name, value] of Object.entries(told)) {
        const seen = facts.get(name) ?? [];
        if (seen.at(-1)?.value !== value) seen.push({ value, since: version });
        facts.set(name, seen);
      }
  return facts;
}

/** What runtimes do differently: by their version, or also by whether the SDK or the command line program carries them. */
export function differences(cells) {
  const fromSdk = ({ from }) => from.startsWith("@github/copilot-sdk ");
  const [all, sdk, program] = [cells, cells.filter(fromSdk), cells.filter((cell) => !fromSdk(cell))].map(factsOf);
  const text = (seen) => seen.map(({ value, since }) => `${value} (from ${since})`).join("; ");
  const rows = [...all]
    .filter(([, seen]) => seen.length > 1)
    .map(([name, seen]) => {
      const apart = [program.get(name) ?? [], sdk.get(name) ?? []];
      if (seen.length <= Math.max(...apart.map(({ length }) => length))) return [name, text(seen)];
      return [name, `command line program: ${text(apart[0])}; in the SDK: ${text(apart[1])}`];
    });
  return table(["what", "how, and since when"], rows);
}

/** Puts a text between the markers of a page. */
export function place(page, name, text) {
  const [begin, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`];
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf(end);
  if (from < begin.length || to < from - 1) throw new Error(`the page has no place for "${name}"`);
  return page.slice(0, from) + text + page.slice(to);
}
