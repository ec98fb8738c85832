/** Headers that every answer carries. */
import type { FastifyHelmetOptions } from "@fastify/helmet";

export const SECURITY_HEADERS: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      "default-src": ["'self'"],
      "script-src": ["'self'"],
      // Styles that the page sets on elements; no style comes from strangers.
      "style-src": ["'self'", "'unsafe-inline'"],
      "img-src": ["'self'", "data:", "blob:"],
      "media-src": ["'self'", "blob:", "mediastream:"],
      "worker-src": ["'self'", "blob:"],
      // A client moves to nodes that were not there when it loaded the page, so origins cannot be listed.
      "connect-src": ["'self'", "http:", "https:", "ws:", "wss:"],
      "font-src": ["'self'"],
      "object-src": ["'none'"],
      "base-uri": ["'none'"],
      "form-action": ["'self'"],
      "frame-ancestors": ["'none'"],
    },
  },
  // Pages of other nodes and of other sites may use the API.
  crossOriginResourcePolicy: { policy: "cross-origin" },
  crossOriginEmbedderPolicy: false,
  referrerPolicy: { policy: "no-referrer" },
  // A node speaks plain HTTP behind the proxy that ends TLS; that proxy knows whether the whole host is on TLS.
  strictTransportSecurity: false,
};
