import { runWhole } from "../support/oauth/conformance.js";

runWhole(0, 4);
