#!/usr/bin/env node
import * as module from "node:module";

// From Node 22.1 on, later runs read the code that V8 made of the command instead of compiling it again.
if ("enableCompileCache" in module && typeof module.enableCompileCache === "function") module.enableCompileCache();

/** The command, all of it but the REPL in one script. */
module.createRequire(import.meta.url)("./main.cjs");
