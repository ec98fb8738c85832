/** People and their sessions. */
import type { Joining } from "../session/joining.ts";
import * as answers from "./answers.dto.ts";
import { personOf } from "./caller.ts";
import { ChangeMeDto, CreateGuestDto, CreateSessionDto, CreateUserDto, LoginDto } from "./people.dto.ts";
import type { People } from "./people.ts";
import { userInfoOf } from "./people.ts";
import { type ApiRoute, route } from "./route.ts";

const tag = "people";

export function peopleRoutes(services: { readonly people: People; readonly joining: Joining }): readonly ApiRoute[] {
  return [...entranceRoutes(services.people), ...ownRoutes(services)];
}

/** For those without a token. */
function entranceRoutes(people: People): readonly ApiRoute[] {
  return [
    route<CreateUserDto>({
      method: "POST",
      path: "/v1/users",
      summary: "Register a person with a handle and a password.",
      tag,
      auth: "none",
      body: CreateUserDto,
      answers: { status: 201, schema: answers.Credentials },
      problems: ["handle_taken", "rate_limited", "busy", "store_unavailable"],
      handle: async ({ body, address }) => ({ body: await people.register(body, address) }),
    }),
    route<LoginDto>({
      method: "POST",
      path: "/v1/login",
      summary: "Get a user token for a handle and its password.",
      tag,
      auth: "none",
      body: LoginDto,
      answers: { status: 200, schema: answers.Credentials },
      problems: ["bad_credentials", "rate_limited", "busy", "store_unavailable"],
      handle: async ({ body, address }) => ({ body: await people.login(body, address) }),
    }),
    route<CreateGuestDto>({
      method: "POST",
      path: "/v1/guests",
      summary: "Enter with nothing but a name; guests may enter open rooms and may not make any.",
      tag,
      auth: "none",
      body: CreateGuestDto,
      answers: { status: 201, schema: answers.Credentials },
      problems: ["rate_limited", "store_unavailable"],
      handle: async ({ body, address }) => ({ body: await people.enterAsGuest(body.displayName, address) }),
    }),
  ];
}

/** For those with one. */
function ownRoutes({ people, joining }: { readonly people: People; readonly joining: Joining }): readonly ApiRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/me",
      summary: "Who the token speaks of.",
      tag,
      auth: "user",
      answers: { status: 200, schema: answers.UserInfo },
      problems: [],
      handle: async (call) => ({ body: userInfoOf(personOf(call).user) }),
    }),
    route<ChangeMeDto>({
      method: "PATCH",
      path: "/v1/me",
      summary: "End all user tokens of the person but the one in the answer.",
      tag,
      auth: "user",
      body: ChangeMeDto,
      answers: { status: 200, schema: answers.Credentials },
      problems: [],
      handle: async (call) => ({ body: await people.signOutEverywhere(personOf(call).user) }),
    }),
    route<CreateSessionDto>({
      method: "POST",
      path: "/v1/sessions",
      summary: "A session id and its token, for hello on any node's socket.",
      tag,
      auth: "user",
      body: CreateSessionDto,
      answers: { status: 201, schema: answers.SessionCredentials },
      problems: [],
      handle: async (call) => ({ body: await joining.createSession(personOf(call).user, call.body.deviceId) }),
    }),
  ];
}
