import { runConformance } from "../support/oauth/conformance.js";

await runConformance(1, 3);
