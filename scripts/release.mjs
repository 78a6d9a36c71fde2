// Says whether a tag may be published, and prints its part of the changelog.
//   node scripts/release.mjs v0.2.0
import { readFileSync } from "node:fs";

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
const [, , tag = ""] = process.argv;
const { version } = JSON.parse(read("package.json"));
const lock = JSON.parse(read("package-lock.json"));
const [, body] =
  new RegExp(
    `^## ${version.replaceAll(".", "\\.")}(?: - \\d{4}-\\d\\d-\\d\\d)?\\n(.*?)(?=^## |$(?![\\s\\S]))`,
    "ms",
  ).exec(read("CHANGELOG.md")) ?? [];

const problems = [
  tag !== `v${version}` && `the tag is "${tag}", and package.json has ${version}`,
  (lock.version !== version || lock.packages[""].version !== version) && "package-lock.json has another version",
  body === undefined && `CHANGELOG.md has nothing about ${version}`,
  !read("README.md").includes(`latchkey-${version}.tgz`) && `README.md does not name latchkey-${version}.tgz`,
].filter(Boolean);

if (problems.length > 0) {
  process.stderr.write(`${problems.join("\n")}\n`);
  process.exitCode = 1;
} else process.stdout.write(`${body.trim()}\n`);
