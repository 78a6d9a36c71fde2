import { runConformance } from "../support/oauth/conformance.js";

await runConformance(0, 3);
