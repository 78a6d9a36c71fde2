import { runWhole } from "../support/oauth/conformance.js";

runWhole(3, 4);
