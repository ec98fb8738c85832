/** Asking people in: a link with a code, and the same to scan. */
import { useSignal } from "@preact/signals";
import { renderSVG } from "uqr";
import type { InviteInfo } from "../../../client-sdk/src/index.ts";
import { client } from "../state/app.ts";
import type { Call } from "../state/call.ts";
import { t } from "../state/i18n.ts";
import { useDeed, useLoaded } from "../state/load.ts";
import { CopyLink, CopyText } from "./copy-link.tsx";
import { FormError } from "./field.tsx";
import { Icon } from "./icons.tsx";

const DAY_MS = 86_400_000;
const LIFETIMES = { day: DAY_MS, week: 7 * DAY_MS, ever: undefined } as const;
type Lifetime = keyof typeof LIFETIMES;

function QrCode({ text }: { readonly text: string }) {
  const svg = renderSVG(text, { border: 2, pixelSize: 6 });
  return (
    <img
      class="qr"
      src={`data:image/svg+xml,${encodeURIComponent(svg)}`}
      alt={t("invite.qr")}
      data-testid="invite-qr"
    />
  );
}

function Made({ code }: { readonly code: string }) {
  const link = `${location.origin}/i/${code}`;
  return (
    <section class="entry" aria-live="polite">
      <QrCode text={link} />
      <CopyText text={link} testId="invite-link" />
      <p class="hint">{t("invite.once")}</p>
    </section>
  );
}

function MakeInvite({ slug, onMade }: { readonly slug: string; readonly onMade: (invite: InviteInfo) => void }) {
  const role = useSignal<"member" | "guest">("member");
  const lifetime = useSignal<Lifetime>("week");
  const deed = useDeed();
  const make = (): Promise<boolean> =>
    deed.run(async () => {
      const expiresInMs = LIFETIMES[lifetime.value];
      onMade(await client.invites.create(slug, { role: role.value, ...(expiresInMs ? { expiresInMs } : {}) }));
    });
  return (
    <form
      class="entry"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <div class="field-row">
        <label class="field">
          <span>{t("invite.role")}</span>
          <select
            value={role.value}
            onChange={(event) => {
              role.value = event.currentTarget.value === "guest" ? "guest" : "member";
            }}
          >
            <option value="member">{t("people.role.member")}</option>
            <option value="guest">{t("people.role.guest")}</option>
          </select>
        </label>
        <label class="field">
          <span>{t("invite.expires")}</span>
          <select
            value={lifetime.value}
            onChange={(event) => {
              lifetime.value = event.currentTarget.value as Lifetime;
            }}
          >
            {(Object.keys(LIFETIMES) as Lifetime[]).map((name) => (
              <option key={name} value={name}>
                {t(`invite.${name}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <FormError text={deed.error.value} />
      <button type="submit" class="button primary wide" disabled={deed.busy.value} data-testid="invite-make">
        <Icon name="plus" />
        {t("invite.make")}
      </button>
    </form>
  );
}

export function InvitesTab({ call }: { readonly call: Call }) {
  const slug = call.address.value;
  const made = useSignal<InviteInfo | undefined>(undefined);
  const deed = useDeed();
  const canInvite = call.canModerate.value;
  const { value, reload } = useLoaded(
    async () => (canInvite ? (await client.invites.list(slug)).invites : []),
    made.value?.inviteId,
  );
  const revoke = async (inviteId: string): Promise<void> => {
    if (await deed.run(() => client.invites.revoke(slug, inviteId))) reload();
  };
  return (
    <>
      <CopyLink slug={slug} />
      {!canInvite && <p class="hint">{t("invite.onlyModerators")}</p>}
      {canInvite && (
        <MakeInvite
          slug={slug}
          onMade={(invite) => {
            made.value = invite;
          }}
        />
      )}
      {made.value?.code !== undefined && <Made code={made.value.code} />}
      <FormError text={deed.error.value} />
      <ul class="entries">
        {value.value?.map(({ inviteId, role, uses }) => (
          <li class="payment" key={inviteId} data-testid="invite">
            <span>
              {t(`people.role.${role}`)} · {t("invite.uses", { count: uses })}
            </span>
            <button type="button" class="link" onClick={() => void revoke(inviteId)}>
              {t("invite.revoke")}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
