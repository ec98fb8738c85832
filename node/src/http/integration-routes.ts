/** For programs: webhooks of rooms, and tokens that act for a person within scopes. */
import type { ApiTokens } from "../webhooks/api-tokens.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";
import { personOf } from "./caller.ts";
import { ULID } from "./fields.ts";
import { Done } from "./files.dto.ts";
import * as dto from "./integrations.dto.ts";
import { ApiError, type ProblemCode } from "./problems.ts";
import type { RoomDoor } from "./room-door.ts";
import { type ApiRoute, type Call, route } from "./route.ts";

const tag = "integrations";

export interface IntegrationServices {
  readonly door: RoomDoor;
  readonly webhooks: Webhooks;
  readonly apiTokens: ApiTokens;
}

export function integrationRoutes(services: IntegrationServices): readonly ApiRoute[] {
  return [...webhookRoutes(services), ...tokenRoutes(services)];
}

function webhookRoutes({ door, webhooks }: IntegrationServices): readonly ApiRoute[] {
  const path = "/v1/rooms/:slug/webhooks";
  const known = ["unknown_room", "not_member", "not_allowed"] as const;
  return [
    route<dto.WebhookDto>({
      ...{ method: "POST", path, tag, auth: "user", body: dto.WebhookDto },
      summary: "Have events of the room posted to an address, signed with the secret of the answer.",
      answers: { status: 201, schema: dto.NewWebhook },
      problems: [...known, "bad_target", "too_many"],
      handle: async (call) => {
        const { room, user } = await door.moderate(call);
        return { body: await webhooks.add(room.id, user, call.body) };
      },
    }),
    route({
      ...{ method: "GET", path, tag, auth: "user" },
      summary: "The room's webhooks, with what still waits and what was given up.",
      answers: { status: 200, schema: dto.WebhooksResponse },
      problems: known,
      handle: async (call) => ({ body: { webhooks: await webhooks.list((await door.moderate(call)).room.id) } }),
    }),
    route({
      ...{ method: "DELETE", path: `${path}/:webhookId`, tag, auth: "user" },
      summary: "End a webhook, with what still waits for it.",
      answers: { status: 200, schema: Done },
      problems: [...known, "unknown_webhook"],
      handle: async (call) => {
        const { room } = await door.moderate(call);
        await webhooks.remove(room.id, idOf(call, "webhookId", "unknown_webhook"));
        return { body: { done: true } };
      },
    }),
  ];
}

function tokenRoutes({ apiTokens }: IntegrationServices): readonly ApiRoute[] {
  return [
    route<dto.ApiTokenDto>({
      ...{ method: "POST", path: "/v1/tokens", tag, auth: "user", body: dto.ApiTokenDto },
      summary: "A token for a program that acts for the caller, within its scopes. It is told once.",
      answers: { status: 201, schema: dto.NewApiToken },
      problems: ["guest_not_allowed", "too_many"],
      handle: async (call) => ({ body: await apiTokens.add(personOf(call).user, call.body) }),
    }),
    route({
      ...{ method: "GET", path: "/v1/tokens", tag, auth: "user" },
      summary: "The caller's API tokens.",
      answers: { status: 200, schema: dto.ApiTokensResponse },
      problems: [],
      handle: async (call) => ({ body: { tokens: await apiTokens.list(personOf(call).user) } }),
    }),
    route({
      ...{ method: "DELETE", path: "/v1/tokens/:tokenId", tag, auth: "user" },
      summary: "End an API token.",
      answers: { status: 200, schema: Done },
      problems: ["unknown_api_token"],
      handle: async (call) => {
        await apiTokens.remove(personOf(call).user, idOf(call, "tokenId", "unknown_api_token"));
        return { body: { done: true } };
      },
    }),
  ];
}

function idOf(call: Call<unknown, unknown>, name: string, unknown: ProblemCode): string {
  const id = call.params[name] ?? "";
  if (!ULID.test(id)) throw new ApiError(unknown);
  return id;
}
