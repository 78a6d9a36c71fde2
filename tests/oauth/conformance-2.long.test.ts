import { runConformance } from "../support/oauth/conformance.js";

runConformance(1, 3);
