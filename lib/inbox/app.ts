import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import type { Client } from "../oauth/index.js";
import { assetAt } from "./assets.js";
import type { Ask, Env, Office } from "./context.js";
import { doorRoutes, refuseEntrance } from "./door.js";
import { entryRoutes } from "./entries.js";
import { grantRoutes } from "./grants.js";
import { checkHost, checkOrigin, headers } from "./guard.js";
import { listRoutes } from "./list.js";
import type { News } from "./news.js";
import { problem } from "./pages/page.js";
import { refusalPage, unforeseen } from "./refusals.js";
import { callback, signInRoutes } from "./sign-in-routes.js";
import { ticketRoutes } from "./tickets.js";
import { admit, admitTicket } from "./visitor.js";

/** More than any answer that a person gives; a tool's result may be long. */
const bodyBytes = 1024 * 1024;

/** All routes, with what guards them, in the order in which they are asked. */
export function createApp(office: Office, news: News): Hono<Env> {
  const { origin, settings } = office;
  const signIns = { oauth: settings.oauth, redirectUri: `${origin}/callback`, clients: new Map<string, Client>() };
  const withSignIn = (): Hono<Env> => {
    const routes = entryRoutes(office);
    signInRoutes(office, signIns, routes);
    return routes;
  };
  const app = new Hono<Env>();
  app.use(headers(origin), checkHost(origin), checkOrigin(origin));
  app.use(bodyLimit({ maxSize: bodyBytes, onError: (ask) => tooLarge(ask) }));
  app.get("/assets/:file", (ask) => {
    const asset = assetAt(ask.req.path);
    if (asset === undefined) return ask.notFound();
    return ask.body(asset.body, 200, {
      "content-type": asset.type,
      "cache-control": "public, max-age=31536000, immutable",
    });
  });
  app.route("/", doorRoutes(office));
  app.get("/callback", (ask) => callback(office, signIns, ask));
  app.use("/t/entry/*", admitTicket(office, refuseEntrance));
  app.route("/t/entry", withSignIn());
  app.route("/t", ticketRoutes(office));
  app.use(admit(office, refuseEntrance));
  app.route("/", listRoutes(office));
  app.route("/entries", withSignIn());
  app.route("/grants", grantRoutes(office));
  app.get("/news", (ask) => news.stream(ask));
  app.notFound((ask) =>
    problem(ask, 404, { title: "There is no such page", what: "The address may be cut, or from another inbox." }),
  );
  app.onError(async (error, ask) => {
    if (error instanceof HTTPException) return error.getResponse();
    const known = await refusalPage(ask, error);
    if (known !== undefined) return known;
    settings.onError(error);
    return await unforeseen(ask, error);
  });
  return app;
}

const tooLarge = (ask: Ask): Promise<Response> =>
  problem(ask, 413, { title: "This is too long", what: "The inbox takes answers of up to one megabyte." });
