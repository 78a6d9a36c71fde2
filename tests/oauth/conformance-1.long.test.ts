import { runConformance } from "../support/oauth/conformance.js";

runConformance(0, 3);
