import { describe, expect, test } from "@jest/globals";
import { systemClock } from "../mesh/clock.ts";
import { silentLog } from "../mesh/log.ts";
import type { Invites } from "../session/invites.ts";
import type { Joining } from "../session/joining.ts";
import type { RoomKeeping } from "../session/room-keeping.ts";
import type { Archive } from "../store/archive.ts";
import { docsOf } from "./docs.ts";
import { inviteRoutes } from "./invite-routes.ts";
import { meshRoutes } from "./mesh-routes.ts";
import { messageRoutes } from "./message-routes.ts";
import { openApiOf, problemsOf } from "./openapi.ts";
import type { People } from "./people.ts";
import { peopleRoutes } from "./people-routes.ts";
import { ApiError, PROBLEMS, problemOf, toApiError } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { roomKeepingRoutes } from "./room-keeping-routes.ts";
import { roomRoutes } from "./room-routes.ts";
import { textRoutes } from "./text-routes.ts";

const never = (): never => {
  throw new Error("descriptions call nobody");
};
const nobody = {} as unknown;
const door = nobody as RoomDoor;
const people = nobody as People;
const joining = nobody as Joining;
const archive = nobody as Archive;
const keeping = nobody as RoomKeeping;
const routes = [
  ...peopleRoutes({ people, joining, archive, keeping }),
  ...roomRoutes({
    ...{ archive, joining, clock: systemClock, mesh: never, random: never, markers: never },
    creators: { who: "members", handles: [] },
  }),
  ...roomKeepingRoutes({ keeping, joining, door, archive }),
  ...inviteRoutes({ invites: nobody as Invites, people, joining, door, archive, told: never }),
  ...messageRoutes({ talk: never, door, clock: systemClock }),
  ...textRoutes({ talk: never, door, joining }),
  ...meshRoutes({ mesh: never, reporter: never }),
];

describe("the API's description", () => {
  test("[A85] every route is in the document with its answers, and every reference leads somewhere", () => {
    const document = openApiOf(routes, { version: "1.2.3", url: "http://node" });
    const text = JSON.stringify(document);
    const { components, paths } = document as {
      components: { schemas: Record<string, { required?: readonly string[]; properties?: Record<string, object> }> };
      paths: Record<string, Record<string, { responses: Record<string, object>; security: readonly object[] }>>;
    };
    for (const [, name = ""] of text.matchAll(/#\/components\/schemas\/(\w+)/g))
      expect(components.schemas).toHaveProperty(name);
    for (const route of routes) {
      const operation = paths[route.path.replaceAll(/:(\w+)/g, "{$1}")]?.[route.method.toLowerCase()];
      expect(Object.keys(operation?.responses ?? {})).toContain(String(route.answers.status));
      for (const code of problemsOf(route))
        expect(Object.keys(operation?.responses ?? {})).toContain(String(PROBLEMS[code][0]));
    }
    expect(components.schemas["PlaceDto"]).toMatchObject({
      properties: { rtts: { type: "array", items: { $ref: "#/components/schemas/RttDto" }, maxItems: 200 } },
      required: ["rtts"],
      additionalProperties: false,
    });
    expect(components.schemas["CreateUserDto"]?.required).toEqual(["handle", "password"]);
  });

  test("[A85] the page for people names every route and every code, and needs nothing from elsewhere", () => {
    const page = docsOf(routes, "1.2.3");
    for (const route of routes) expect(page).toContain(`${route.method} ${route.path}`);
    for (const code of Object.keys(PROBLEMS)) expect(page).toContain(`<code>${code}</code>`);
    expect(page).not.toMatch(/<script|<link|@import|src=/);
  });

  test("[A85] a refusal is a problem of RFC 9457, and its cause stays here", () => {
    const error = new ApiError("room_full", { cause: new Error("secret") });
    expect(problemOf(error)).toEqual({
      type: "urn:hearsay:problem:room_full",
      title: "The room is full",
      status: 409,
      code: "room_full",
    });
    expect(problemOf(toApiError(new Error("secret /path of a file")))).toEqual({
      type: "urn:hearsay:problem:internal",
      title: "Something is broken here",
      status: 500,
      code: "internal",
    });
    expect(toApiError("thrown text").code).toBe("internal");
    expect(toApiError(Object.assign(new Error("x"), { statusCode: 418 })).code).toBe("bad_request");
    silentLog.debug({}, "");
  });
});
