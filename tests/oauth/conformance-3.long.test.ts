import { runConformance } from "../support/oauth/conformance.js";

runConformance(2, 3);
