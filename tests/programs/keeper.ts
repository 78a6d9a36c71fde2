import { playKeeper } from "../support/circle/keeper.js";

await playKeeper();
