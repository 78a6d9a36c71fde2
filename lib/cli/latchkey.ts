#!/usr/bin/env node
import * as modules from "node:module";

// Where Node has it (22.1), what was compiled once is read from its cache: all but this file.
if ("enableCompileCache" in modules && typeof modules.enableCompileCache === "function") modules.enableCompileCache();
await import("./main.js");
