import { runWhole } from "../support/oauth/conformance.js";

runWhole(1, 4);
