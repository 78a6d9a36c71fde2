// Keeps an open page up to date. Everything else works without it.
(() => {
  const said = document.getElementById("said");
  const units = [
    [86400000, "day"],
    [3600000, "hour"],
    [60000, "minute"],
  ];

  const ago = (ms) => {
    for (const [size, name] of units) {
      const count = Math.floor(Math.abs(ms) / size);
      if (count === 0) continue;
      const words = `${count} ${name}${count === 1 ? "" : "s"}`;
      return ms < 0 ? `${words} ago` : `in ${words}`;
    }
    return ms < 0 ? "just now" : "in a moment";
  };

  const tellTimes = () => {
    for (const time of document.querySelectorAll("time")) {
      const words = ago(Date.parse(time.dateTime) - Date.now());
      if (time.textContent !== words) time.textContent = words;
    }
  };

  // What has not changed stays: somebody may be writing in it.
  const replace = (before, after) => {
    const open = [...before.querySelectorAll("details[open]")].map(({ id }) => id);
    const focused = document.activeElement;
    const held = before.contains(focused) ? { id: focused.id, href: focused.getAttribute("href") } : undefined;
    before.replaceWith(after);
    for (const id of open) after.querySelector(`details[id="${CSS.escape(id)}"]`)?.setAttribute("open", "");
    if (held?.id) document.getElementById(held.id)?.focus();
    else if (held?.href) after.querySelector(`a[href="${CSS.escape(held.href)}"]`)?.focus();
  };

  let asking = false;
  let again = false;
  const refresh = async () => {
    again = asking;
    if (asking || document.visibilityState === "hidden") return;
    asking = true;
    try {
      const response = await fetch(location.href, { headers: { accept: "text/html" } });
      if (response.status === 401) location.reload();
      if (!response.ok) return;
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const before of document.querySelectorAll("[data-fresh]")) {
        const after = fresh.getElementById(before.id);
        if (after === null || after.dataset.fresh === before.dataset.fresh) continue;
        if (after.dataset.says && after.dataset.says !== before.dataset.says) said.textContent = after.dataset.says;
        replace(before, document.importNode(after, true));
      }
      document.title = fresh.title;
      tellTimes();
    } catch {
      // The inbox is away; the stream comes back when it does.
    } finally {
      asking = false;
      if (again) setTimeout(refresh, 200);
    }
  };

  let stream;
  const listen = () => {
    stream?.close();
    stream = undefined;
    if (document.visibilityState === "hidden") return;
    stream = new EventSource(document.body.dataset.news);
    stream.addEventListener("ready", () => void refresh());
    stream.addEventListener("change", () => void refresh());
  };
  // A browser has six connections to one origin; a hidden page needs none.
  document.addEventListener("visibilitychange", listen);
  // Who works on something is no transition, so it is asked for.
  setInterval(() => void refresh(), 15000);
  setInterval(tellTimes, 30000);
  listen();
})();
