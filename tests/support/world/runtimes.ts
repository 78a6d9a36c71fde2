import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** One of the two runtimes that everything is shown on. */
export interface RuntimeUnderTest {
  /** Its version, for the names of tests. */
  readonly name: string;
  readonly path: string;
  /** The older one retries a waiting tool call after a cold resume and asks again after a refused token. */
  readonly retries: boolean;
  /** A folder for what it unpacks into each new home, so that it does so once; left out where it brings its files along. */
  readonly unpacksInto?: string;
  /** It is the fake one. */
  readonly fake?: true;
}

const require = createRequire(import.meta.url);

/** The folder of the platform package of `base` that npm installed here. */
function platformFolder(base: string, probe: string): string {
  const platforms = process.platform === "linux" ? ["linux", "linuxmusl"] : [process.platform];
  for (const platform of platforms) {
    const search = require.resolve.paths(base) ?? [];
    for (const folder of search) {
      try {
        return dirname(require.resolve(join(folder, `${base}-${platform}-${process.arch}`, probe)));
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND")) throw error;
      }
    }
  }
  throw new Error(`no platform package of ${base} is installed`);
}

const bundledFolder = platformFolder("@github/copilot-sdk", "package.json");
const cliFolder = platformFolder("@github/copilot", "package.json");

/** The runtime that the official SDK brings along. */
export const bundled: RuntimeUnderTest = {
  name: "1.0.85",
  path: join(
    bundledFolder,
    "prebuilds",
    `${bundledFolder.includes("linuxmusl") ? "linuxmusl" : process.platform}-${process.arch}`,
    process.platform === "win32" ? "copilot-runtime.exe" : "copilot-runtime",
  ),
  retries: true,
};

/** The runtime inside the command line program. */
export const cli: RuntimeUnderTest = {
  name: "1.0.102",
  path: join(cliFolder, process.platform === "win32" ? "copilot.exe" : "copilot"),
  retries: false,
  // Beside the packages of `node_modules`, where tools keep such things.
  unpacksInto: join(cliFolder, "../../.cache/latchkey"),
};

/** What `npm run test:all` shows on both is shown on the one that starts faster by `npm test`. */
export const allRuntimes: readonly RuntimeUnderTest[] = [bundled, cli];
export const runtimes = process.env.LATCHKEY_TESTS === "all" ? allRuntimes : [bundled];

/**
 * The fake runtime: for tests that need no model, no MCP server's work and no files of the runtime's. Its path starts one as a program,
 * which is like 1.0.85, the runtime that is found where none is named.
 */
export const fake: RuntimeUnderTest = {
  name: "the fake of 1.0.102",
  path: join(dirname(require.resolve("latchkey/package.json")), "build/tests/programs/fake-copilot.js"),
  retries: false,
  fake: true,
};

/** For tests that `npm test` runs on the fake alone, and `npm run test:all` on the real ones too: the contract says that they do the same. */
export const fakeAndReal = process.env.LATCHKEY_TESTS === "all" ? [fake, ...allRuntimes] : [fake];

/** For programs that start a runtime by themselves: the fake by `npm test`, a real one by `npm run test:all`. */
export const fakeByDay = process.env.LATCHKEY_TESTS === "all" ? bundled : fake;
