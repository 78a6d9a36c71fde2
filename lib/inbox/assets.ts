/** What pages load besides themselves: files of this room, under names that change with their contents. */
import { createHash } from "node:crypto";
import icon from "./assets/icon.svg";
import style from "./assets/inbox.css";
import script from "./assets/news.client.js";

interface Asset {
  readonly path: string;
  readonly type: string;
  readonly body: string;
}

function asset(name: string, ending: string, type: string, body: string): Asset {
  const hash = createHash("sha256").update(body).digest("base64url").slice(0, 12);
  return { path: `/assets/${name}.${hash}.${ending}`, type: `${type}; charset=utf-8`, body };
}

export const assets = {
  style: asset("inbox", "css", "text/css", style),
  script: asset("news", "js", "text/javascript", script),
  icon: asset("icon", "svg", "image/svg+xml", icon),
};

export const assetAt = (path: string): Asset | undefined => Object.values(assets).find((one) => one.path === path);
