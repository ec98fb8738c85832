/** People and their sessions. */
import type { Joining } from "../session/joining.ts";
import type { RoomKeeping } from "../session/room-keeping.ts";
import type { Archive, UserRecord } from "../store/archive.ts";
import * as answers from "./answers.dto.ts";
import { personOf } from "./caller.ts";
import { Done } from "./files.dto.ts";
import { ChangeMeDto, CreateGuestDto, CreateSessionDto, CreateUserDto, DeleteMeDto, LoginDto } from "./people.dto.ts";
import type { People } from "./people.ts";
import { userInfoOf } from "./people.ts";
import { assertPicture } from "./picture-check.ts";
import { ApiError } from "./problems.ts";
import { type ApiRoute, route } from "./route.ts";

const tag = "people";

export interface PeopleServices {
  readonly people: People;
  readonly joining: Joining;
  readonly keeping: Pick<RoomKeeping, "leaveAll">;
  readonly archive: Pick<Archive, "records">;
}

export function peopleRoutes(services: PeopleServices): readonly ApiRoute[] {
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
function ownRoutes(services: PeopleServices): readonly ApiRoute[] {
  const { people, joining } = services;
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
      summary:
        "Change the name or picture; change the password or sign out everywhere: the answer's token alone holds then.",
      tag,
      auth: "user",
      body: ChangeMeDto,
      answers: { status: 200, schema: answers.Credentials },
      problems: ["bad_credentials", "guest_not_allowed", "unknown_file", "rate_limited", "busy"],
      handle: async (call) => ({ body: await changeMe(services, personOf(call).user, call.body) }),
    }),
    route<DeleteMeDto>({
      method: "DELETE",
      path: "/v1/me",
      summary: "Delete the account. Rooms pass to others; what was said stays, by someone who left.",
      tag,
      auth: "user",
      body: DeleteMeDto,
      bodyOptional: true,
      answers: { status: 200, schema: Done },
      problems: ["bad_credentials", "rate_limited", "busy"],
      handle: async (call) => {
        const { user } = personOf(call);
        await people.assertPassword(user, call.body.password);
        await services.keeping.leaveAll(user);
        await people.forget(user);
        return { body: { done: true } };
      },
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

async function changeMe(
  { people, archive }: PeopleServices,
  user: UserRecord,
  changes: ChangeMeDto,
): Promise<answers.Credentials> {
  const { displayName, pictureId, password, signOutEverywhere } = changes;
  const given = {
    ...(displayName === undefined ? {} : { displayName }),
    ...(pictureId === undefined ? {} : { pictureId }),
    ...(password === undefined ? {} : { password }),
    ...(signOutEverywhere === undefined ? {} : { signOutEverywhere }),
  };
  if (Object.keys(given).length === 0)
    throw new ApiError("invalid_input", { errors: [{ path: "", message: "nothing is to be changed" }] });
  await assertPicture(archive, pictureId);
  return people.change(user, given);
}
