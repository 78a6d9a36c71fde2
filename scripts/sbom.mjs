// Makes build/sbom.cdx.json, a CycloneDX list of what a user of the package gets: its dependencies with theirs, and what is built into
// the command and the inbox. scripts/build.mjs writes down what that is (build/bundled.json).
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const at = (path) => new URL(`../${path}`, import.meta.url);
const manifest = JSON.parse(readFileSync(at("package.json"), "utf8"));
const bundled = new Set(JSON.parse(readFileSync(at("build/bundled.json"), "utf8")));
const { status, stdout, stderr } = spawnSync("npm", ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"], {
  cwd: at("."),
  encoding: "utf8",
  maxBuffer: 2 ** 28,
});
if (status !== 0) throw new Error(`npm sbom ended with ${status}: ${stderr}`);
const sbom = JSON.parse(stdout);
const nameOf = ({ group, name }) => (group ? `${group}/${name}` : name);

/** Without peers: those are the user's own. */
const { packages } = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
const names = new Map(sbom.components.map((component) => [component["bom-ref"], nameOf(component)]));
const isPeer = (ref, next) => !(names.get(next) in (packages[`node_modules/${names.get(ref)}`]?.dependencies ?? {}));
const needs = new Map(
  sbom.dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn.filter((next) => !isPeer(ref, next))]),
);
const wanted = new Set();
const want = (ref) => {
  if (wanted.has(ref)) return;
  wanted.add(ref);
  for (const next of needs.get(ref) ?? []) want(next);
};
for (const component of sbom.components) {
  const name = nameOf(component);
  // What lies deeper is another version, for another package.
  if (packages[`node_modules/${name}`]?.version !== component.version) continue;
  if (name in manifest.dependencies) want(component["bom-ref"]);
  if (bundled.has(name)) {
    wanted.add(component["bom-ref"]);
    const own = (component.properties ?? []).filter((each) => each.name !== "cdx:npm:package:development");
    component.properties = [...own, { name: "latchkey:bundled", value: "true" }];
  }
}
sbom.components = sbom.components.filter((component) => wanted.has(component["bom-ref"]));
const root = sbom.metadata.component["bom-ref"];
sbom.dependencies = sbom.dependencies
  .filter(({ ref }) => ref === root || wanted.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => wanted.has(each)) }));
const missing = [...bundled].filter((name) => !sbom.components.some((component) => nameOf(component) === name));
if (missing.length > 0) throw new Error(`the lock file does not know ${missing.join(", ")}`);
writeFileSync(at("build/sbom.cdx.json"), `${JSON.stringify(sbom, undefined, 2)}\n`);
