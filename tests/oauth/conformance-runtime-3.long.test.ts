import { runWhole } from "../support/oauth/conformance.js";

runWhole(2, 4);
