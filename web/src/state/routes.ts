/** What an address of this page means. Pure. */
import { decode } from "./slug.ts";

export type Route =
  | { readonly page: "home" }
  | { readonly page: "room"; readonly slug: string }
  | { readonly page: "mesh" }
  | { readonly page: "account" }
  | { readonly page: "invite"; readonly code: string }
  | { readonly page: "notFound" };

export function routeOf(path: string): Route {
  if (path === "/" || path === "") return { page: "home" };
  if (path === "/mesh") return { page: "mesh" };
  if (path === "/account") return { page: "account" };
  const code = /^\/i\/([^/]+)\/?$/.exec(path)?.[1];
  if (code !== undefined) return { page: "invite", code: decode(code) };
  const slug = /^\/r\/([^/]+)\/?$/.exec(path)?.[1];
  return slug === undefined ? { page: "notFound" } : { page: "room", slug: decode(slug) };
}
