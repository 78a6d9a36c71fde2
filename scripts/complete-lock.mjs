// A registry that lacks one platform's optional package leaves it out of package-lock.json, and `npm ci` refuses that
// lock everywhere. This adds the entries that npm would have written: they are skipped where the platform differs.
//   --check   adds nothing; fails when an entry is missing
import { readFile, writeFile } from "node:fs/promises";

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(await readFile(file, "utf8"));
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const cpus = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "universal", "wasm32", "x64"];

/** Where Node would find `name` from the package at `path`. */
function* places(path, name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    yield at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (at === "") return;
  }
}

const missing = Object.entries(lock.packages).flatMap(([path, entry]) =>
  Object.entries(entry.optionalDependencies ?? {})
    .filter(([name]) => ![...places(path, name)].some((place) => place in lock.packages))
    .map(([name, version]) => ({ name, version, parent: entry })),
);

for (const { name, version, parent } of missing) {
  const words = name.replace("linuxmusl", "linux-musl").split(/[-/@]/);
  const os = systems.filter((system) => words.includes(system));
  const cpu = cpus.filter((kind) => words.includes(kind));
  const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : undefined;
  if (!/^\d+\.\d+\.\d+/.test(version) || os.length + cpu.length === 0)
    throw new Error(`cannot write ${name}@${version}`);
  lock.packages[`node_modules/${name}`] = {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(parent.dev && { dev: true }),
    ...(libc && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}
if (process.argv.includes("--check")) {
  for (const { name } of missing) console.error(`package-lock.json lacks ${name}: run node scripts/complete-lock.mjs`);
  process.exitCode = missing.length === 0 ? 0 : 1;
} else {
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);
}
