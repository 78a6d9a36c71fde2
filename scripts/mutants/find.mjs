// Finds comparisons by their shape: in TypeScript by its syntax tree, in SQL by what follows WHERE, AND, OR, ON or a bracket.

import { parseSync } from "oxc-parser";

const comparisons = new Set(["===", "!==", "==", "!=", "<", "<=", ">", ">="]);
/** Calls that refuse and return nothing. */
const refusal = /^(refuse|check|prove|must|guarded)/;
const operand = String.raw`(?:CAST\([^()]*\)|\{now\}(?: - \?)?|\?|'\w*'|\d+|[@\w.]+)`;
const sqlCondition = new RegExp(
  String.raw`(?<=^|\b(?:WHERE|AND|OR|ON)\s+\(?|\()([@\w]+\.)?(\w+)\s*(?:(?:=|<>|<=|>=|<|>|IS NOT DISTINCT FROM|IS DISTINCT FROM)\s*${operand}|IS NOT NULL|IS NULL|IN \((?:'\w+'(?:, )?)+\))(?![\w.(])`,
  "g",
);
const isSql = /\b(SELECT|UPDATE|DELETE|INSERT|AND|WHERE)\b|^\w\.\w+ (=|<=|IN)/;

/**
 * Each with `id`, `place` (the same for all that is done to one comparison), `path`, `line`, `code`, `as` (what it is taken for),
 * `start`, `end`.
 */
export function findMutants(path, source, words) {
  const { program, errors } = parseSync(path, source);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  const places = [];
  const add = (kind, start, end, extra = {}) =>
    places.push({ kind, start, end, code: source.slice(start, end), ...extra });
  visit(program, undefined, (node, parent) => {
    const code = () => source.slice(node.start, node.end);
    if (node.type === "BinaryExpression" && comparisons.has(node.operator)) {
      if (!words.test(code()) || isBareCheck(node, code())) return;
      add("comparison", node.start, node.end);
    } else if (node.type === "ExpressionStatement") {
      const call = bare(node.expression);
      const name = call.type === "CallExpression" ? (call.callee.name ?? call.callee.property?.name) : undefined;
      if (name !== undefined && refusal.test(name)) add("call", node.start, node.end);
    } else if (
      node.type === "CallExpression" &&
      /^(isSame|includes|has|some)$/.test(node.callee.property?.name ?? node.callee.name ?? "")
    ) {
      // What is compared in there is found by itself.
      if (words.test(code()) && !/[=!]==|\s[<>]/.test(code())) add("comparison", node.start, node.end);
    } else if (node.type === "TemplateElement" || (node.type === "Literal" && typeof node.value === "string")) {
      if (
        ["ImportDeclaration", "ExportNamedDeclaration", "ExportAllDeclaration", "TSLiteralType", "Property"].includes(
          parent?.type,
        )
      )
        return;
      if (!isSql.test(code())) return;
      const [from, to] = node.type === "Literal" ? [node.start + 1, node.end - 1] : inner(node, source);
      for (const found of source.slice(from, to).matchAll(sqlCondition)) {
        if (!words.test(found[2])) continue;
        add("sql", from + found.index, from + found.index + found[0].length, {
          quote: node.type === "Literal" ? source[node.start] : "`",
          within: node,
        });
      }
    }
  });
  return places.flatMap((place) => mutantsAt(path, source, place)).map(numbered(new Map()));
}

const bare = (node) =>
  ["AwaitExpression", "YieldExpression", "UnaryExpression"].includes(node?.type) ? bare(node.argument) : (node ?? {});

/** oxc counts the quotation marks of a template's pieces to them in some versions, and not in others. */
function inner(node, source) {
  const text = source.slice(node.start, node.end);
  const lead = /^[`}]/.test(text) ? 1 : 0;
  const tail = text.endsWith("${") ? 2 : text.endsWith("`") ? 1 : 0;
  return [node.start + lead, node.end - tail];
}

/** Whether something is of a type, or there at all, compares nothing; but where there is no principal or fence, a guard says so. */
function isBareCheck({ left, right }, code) {
  if ([left, right].some(({ type, operator }) => type === "UnaryExpression" && operator === "typeof")) return true;
  const absent = right.name === "undefined" || (right.type === "Literal" && right.value === null);
  return absent && !/principal|fence|bind|whose/.test(code);
}

function mutantsAt(path, source, place) {
  const line = source.slice(0, place.start).split("\n").length;
  // A condition of SQL that holds for nothing stops everything; taken out, it holds for all.
  const as = { call: ["nothing"], sql: ["true"], comparison: ["true", "false"] }[place.kind];
  return as.map((value) => ({ path, line, ...place, code: place.code.replace(/\s+/g, " "), as: value }));
}

/** What occurs more than once in a file is told apart by a number. */
const numbered = (seen) => (mutant) => {
  const key = `${mutant.path} ${mutant.code} ${mutant.as}`;
  const number = (seen.get(key) ?? 0) + 1;
  seen.set(key, number);
  const nth = number === 1 ? "" : ` (${number})`;
  const place = `${mutant.path} ${mutant.code}${nth}`;
  return { ...mutant, nth, place, id: `${place} ${mutant.as}` };
};

export const rowOf = ({ path, code, nth, as }) => `| \`${path}\` | \`${code.replaceAll("|", "\\|")}\`${nth} | ${as} |`;

function visit(node, parent, see) {
  if (node.type?.startsWith("TS") && !/^TS(As|Satisfies|NonNull)/.test(node.type)) return;
  see(node, parent);
  for (const [name, value] of Object.entries(node)) {
    if (name === "parent") continue;
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child === "object" && child !== null && typeof child.type === "string") visit(child, node, see);
  }
}

/**
 * The module that a mutated file asks which mutant is on. A process reads it when it starts; one that runs the tests of many mutants
 * says it anew for each (tests/support/plan.ts).
 */
export const switchModule = (copy) => `import { appendFileSync, readFileSync } from "node:fs";
const atStart = readFileSync(${JSON.stringify(`${copy}/active`)}, "utf8");
const shared = globalThis as { latchkeyMutant?: string; latchkeyReached?: Set<string> };
export function mutant(place: string, as: string): boolean {
  const active = shared.latchkeyMutant ?? atStart;
  if (active === "reached" && !(shared.latchkeyReached ??= new Set()).has(place)) {
    shared.latchkeyReached.add(place);
    appendFileSync(${JSON.stringify(`${copy}/reached`)}, place + "\\n");
  }
  return active === place + " " + as;
}
`;

export function withSwitches(path, source, mutants) {
  const places = [...new Map(mutants.map((mutant) => [mutant.place, mutant])).values()];
  const edits = [];
  const wrapped = new Set();
  const on = ({ place }, as) => `mutant(${JSON.stringify(place)}, "${as}")`;
  for (const mutant of places) {
    const { kind, start, end, quote, within } = mutant;
    const code = source.slice(start, end);
    if (kind === "comparison") {
      edits.push({
        at: start,
        text: `(${on(mutant, "true")} ? true : ${on(mutant, "false")} ? false : (`,
        size: end - start,
        open: true,
      });
      edits.push({ at: end, text: "))", size: end - start });
    } else if (kind === "call")
      edits.push({ at: start, text: `if (!${on(mutant, "nothing")}) `, size: end - start, open: true });
    else {
      const literal = (text) => quote + text + quote;
      const chosen = `${on(mutant, "true")} ? ${literal(`(${code} OR 1 = 1)`)} : ${literal(code)}`;
      const [before, after] = quote === "`" ? ["${", "}"] : [`${quote} + (`, `) + ${quote}`];
      edits.push({ at: start, text: before + chosen + after, cut: end - start, size: 0, open: true });
      if (quote !== "`" && !wrapped.has(within.start)) {
        wrapped.add(within.start);
        edits.push({ at: within.start, text: "(", size: within.end - within.start, open: true });
        edits.push({ at: within.end, text: ")", size: within.end - within.start });
      }
    }
  }
  // From the end to the start. At one place closing comes before opening; of those that open, the widest comes first.
  edits.sort(
    (a, b) => b.at - a.at || (a.open === b.open ? (a.open ? a.size - b.size : b.size - a.size) : a.open ? -1 : 1),
  );
  let text = source;
  for (const { at, text: added, cut = 0 } of edits) text = text.slice(0, at) + added + text.slice(at + cut);
  const up = "../".repeat(path.split("/").length - 2) || "./";
  return `import { mutant } from "${up}base/mutant.js";\n${text}`;
}
