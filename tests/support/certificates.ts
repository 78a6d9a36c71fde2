import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificates extends AsyncDisposable {
  /** The file of the authority's certificate. */
  readonly ca: string;
  /** A certificate of that authority for these names (`DNS:…`) and addresses (`IP:…`), in PEM. */
  issue(...names: string[]): Promise<{ cert: string; key: string }>;
}

export const hasOpenssl = (): boolean => spawnSync("openssl", ["version"]).status === 0;

/** A certificate authority of a test's own, made with openssl. */
export async function createAuthority(): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), "latchkey-certificates-"));
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync("openssl", args, { cwd: dir, encoding: "utf8" });
    if (status !== 0) throw new Error(`openssl ${args[0]} failed: ${stderr}`);
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-subj", "/CN=test authority", "-days", "2", "-keyout", "ca.key", "-out", "ca.crt");
  return {
    ca: join(dir, "ca.crt"),
    async issue(...names) {
      await writeFile(join(dir, "names"), `subjectAltName=${names.join(",")}`);
      openssl("req", ...key, "-subj", "/CN=test server", "-keyout", "host.key", "-out", "host.csr");
      const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
      openssl("x509", "-req", "-in", "host.csr", ...by, "-out", "host.crt");
      const [cert, privateKey] = await Promise.all(
        ["host.crt", "host.key"].map((name) => readFile(join(dir, name), "utf8")),
      );
      return { cert: cert ?? "", key: privateKey ?? "" };
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  };
}
