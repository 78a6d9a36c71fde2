/**
 * Text that people may see although it may hold a secret: a command, a message, the arguments of a tool. What can be recognised as
 * a secret is hidden behind `…`, and nothing else, so that a person still sees what a command does: only characters are hidden that
 * no shell acts upon. Twice is as good as once. It recognises no secret that looks like any other word.
 */
const hidden = "…";

/** No quotes, blanks or operators: a word that stands for nothing but itself. */
const opaque = "[\\w.~%+/=:@,-]";
/** Names under which secrets are kept: `API_KEY`, `--client-secret`, `x-access-token`. */
const secretName = "(?:token|secret|password|passwd|passphrase|api[_-]?key|private[_-]?key|credentials?|authorization)";

const url = /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:\/\/[^\s"'`<>]+/gi;
const userInfo = /:\/\/[^\s/?#]+@/;
const parameter = new RegExp(`([?&#;][^=?&#;\\s]*=)${opaque}+`, "g");
const bareQuery = /\?[\w.~%+/:@,-]+(?![\w.~%+/:@,=-])/g;
const assignment = new RegExp(
  `((?<![\\w-])[\\w-]*?${secretName}(?![a-z])[\\w-]*["']?\\s{0,3}[=:]\\s{0,3}["']?)(?!(?:bearer|basic)\\s)${opaque}+`,
  "gi",
);
const option = new RegExp(`((?<![\\w-])--?[\\w-]*?${secretName}(?![a-z])[\\w-]*\\s+["']?)(?!-)${opaque}+`, "gi");
const scheme = /((?<![\w-])(?:bearer|basic)\s+)(?=[\w.~+/=-]*\d|[\w.~+/=-]{16})[\w.~+/=-]{6,}/gi;
/** Tokens that say what they are: GitHub, GitLab, npm, Slack, Google, AWS, `sk-…`, JSON web tokens. */
const known = new RegExp(
  `(?<![\\w-])(?:${[
    "gh[pousr]_\\w{16,}",
    "github_pat_\\w{16,}",
    "glpat-[\\w-]{16,}",
    "npm_\\w{16,}",
    "xox[abeoprs]-[\\w-]{8,}",
    "AIza[\\w-]{20,}",
    "(?:AKIA|ASIA)[A-Z0-9]{16}",
    "sk-[\\w-]{16,}",
    "eyJ[\\w-]{8,}\\.[\\w-]{2,}(?:\\.[\\w-]*)?",
  ].join("|")})`,
  "g",
);
const privateKey = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?/g;

/** Hides what is recognised: user info and parameters of URLs, values of names like `token`, tokens that say what they are. */
export function redactText(text: string): string {
  let shown = text;
  // What is hidden can bring two things together that hide a third.
  for (let rounds = 0; rounds < 20; rounds++) {
    const next = hide(shown);
    if (next === shown) break;
    shown = next;
  }
  return shown;
}

function hide(text: string): string {
  return text
    .replace(privateKey, hidden)
    .replace(url, (found) =>
      found
        .replace(userInfo, `://${hidden}@`)
        .replace(parameter, (_, name: string) => name + hidden)
        .replace(bareQuery, `?${hidden}`),
    )
    .replace(scheme, (_, name: string) => name + hidden)
    .replace(assignment, (_, name: string) => name + hidden)
    .replace(option, (_, name: string) => name + hidden)
    .replace(known, hidden);
}

const isSecretName = new RegExp(`(?:${secretName}|cookie)$`, "i");

/** The same shape with every text redacted, and hidden whole where its name says that it is a secret. Ids stay as they are. */
export function redact<T>(value: T): T;
export function redact(value: unknown): unknown {
  if (typeof value === "string") return redactText(value);
  if (Array.isArray(value)) return value.map((item: unknown) => redact(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]: [string, unknown]) => {
      if (typeof inner !== "string" || inner === "") return [name, redact(inner)];
      if (isSecretName.test(name)) return [name, hidden];
      return [name, /I[Dd]$/.test(name) ? inner : redactText(inner)];
    }),
  );
}

/** JSON text with every text in it redacted; what is no JSON is hidden whole. */
export function redactJson(json: string): string {
  try {
    const value: unknown = JSON.parse(json);
    const open = JSON.stringify(redact(value));
    return open === JSON.stringify(value) ? json : open;
  } catch {
    return hidden;
  }
}
