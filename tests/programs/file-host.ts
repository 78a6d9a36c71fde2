/** The host of the circle that has no ledger: the request goes into a JSON file of its own. */
import { open } from "node:fs/promises";
import * as v from "valibot";
import { playHost } from "../support/circle/host.js";
import { given } from "../support/world/program.js";

const { path } = given(v.object({ path: v.string() }));

await playHost(async (request) => {
  const file = await open(path, "wx", 0o600);
  await file.writeFile(JSON.stringify(request));
  await file.sync();
  await file.close();
});
