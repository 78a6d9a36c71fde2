#!/usr/bin/env node
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { runCompiled } from "./compiled.js";

/** The command, all of it but the REPL in one script. */
const path = fileURLToPath(new URL("main.cjs", import.meta.url));
runCompiled(path, createRequire(path), process.argv.slice(2));
