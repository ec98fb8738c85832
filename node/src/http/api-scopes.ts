/** What an API token may be used for: a scope for each kind of route, and none for accounts, sessions and tokens themselves. */
import type { ApiScope } from "#protocol";
import type { ApiRoute } from "./route.ts";

/** Undefined: API tokens do not open this route. */
export function scopeOf(route: Pick<ApiRoute, "method" | "path" | "tag" | "auth">): ApiScope | undefined {
  if (route.auth !== "user" && route.auth !== "person" && route.auth !== "optional") return undefined;
  const isRead = route.method === "GET";
  switch (route.tag) {
    case "rooms":
      return isRead ? "rooms:read" : "rooms:write";
    case "messages":
      return isRead ? "messages:read" : "messages:write";
    case "memories":
      return isRead ? "files:read" : "files:write";
    case "happenings":
    case "bills":
      return isRead ? "plans:read" : "plans:write";
    case "integrations":
      return route.path.includes("/webhooks") ? "webhooks" : undefined;
    case "people":
      // Who the token acts for; every token may ask.
      return undefined;
    case "mesh":
      return undefined;
  }
}
