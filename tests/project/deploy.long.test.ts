/** examples/deploy, checked by the tools of systemd, Docker and Compose. No image is built and nothing is started. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { validate } from "dockerfile-utils";
import * as assert from "uvu/assert";
import { packageRoot } from "../support/commands.js";
import { suite } from "../support/suite.js";

const test = suite("the files of examples/deploy");
const deploy = join(packageRoot, "examples/deploy");
const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(program, args, { cwd: deploy, encoding: "utf8", env: { ...process.env, ...env } });

const units = readdirSync(join(deploy, "systemd")).filter((name) => name.endsWith(".service"));

function verified(): void {
  for (const unit of units) {
    const { status, stdout, stderr } = run("systemd-analyze", ["verify", join("systemd", unit)]);
    assert.equal([status, `${stdout}${stderr}`], [0, ""], unit);
  }
}

/** In tenths: what systemd calls an exposure of 2 is 20 here. */
function hardened(): void {
  for (const unit of units) {
    const args = ["security", "--offline=true", "--threshold=20", "--no-pager", join("systemd", unit)];
    const { status, stdout, stderr } = run("systemd-analyze", args);
    assert.is(status, 0, `${unit}\n${stdout}${stderr}`);
  }
}

for (const [name, body] of [
  ["systemd finds nothing wrong with the units", verified],
  ["each unit has an exposure of less than 2", hardened],
] as const)
  if (run("systemd-analyze", ["--version"]).status === 0) test(name, body);
  else test.skip(name, "there is no systemd-analyze", body);

const proxy = { INBOX_URL: "https://inbox.example", LATCHKEY_PROXY_SECRET: "s" };

function composed(): void {
  const env = { HOST_IMAGE: "host", COPILOT_CONNECTION_TOKEN: "t", POSTGRES_PASSWORD: "p", ...proxy };
  const { status, stderr } = run("docker-compose", ["-f", "compose.yaml", "config", "--quiet"], env);
  assert.is(status, 0, stderr);
  const { status: without } = run("docker-compose", ["-f", "compose.yaml", "config", "--quiet"], {
    ...env,
    HOST_IMAGE: "",
  });
  assert.not.equal(without, 0, "a variable that is missing is no error");
}
const name = "Compose reads compose.yaml, and says which variable is missing";
if (run("docker-compose", ["version"]).status === 0) test(name, composed);
else test.skip(name, "there is no docker-compose", composed);

test("the Dockerfile has no error and no warning", async () => {
  assert.equal(validate(await readFile(join(deploy, "Dockerfile"), "utf8")), []);
  assert.is(validate("FROM node:22\nRUM npm ci\n").length, 1);
});
