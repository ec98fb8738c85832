/** Making a room, and what comes of it: a link to send. */
import { type Signal, useSignal } from "@preact/signals";
import type { RoomInfo } from "../../../client-sdk/src/index.ts";
import { client, messageOf } from "../state/app.ts";
import { t } from "../state/i18n.ts";
import { navigate } from "../state/router.ts";
import { roomLink, roomPath, slugFromTitle } from "../state/slug.ts";
import { CopyLink } from "./copy-link.tsx";
import { Field, FormError } from "./field.tsx";
import { Icon } from "./icons.tsx";

function Made({ room, onAnother }: { readonly room: RoomInfo; readonly onAnother: () => void }) {
  return (
    <section class="card made" aria-live="polite" data-testid="room-made">
      <h2>{t("create.done", { title: room.title })}</h2>
      <p>{t("create.doneText")}</p>
      <CopyLink slug={room.slug} />
      <div class="row">
        <button
          type="button"
          class="button primary"
          onClick={() => navigate(roomPath(room.slug))}
          data-testid="enter-made"
        >
          <Icon name="door" />
          {t("create.enter")}
        </button>
        <button type="button" class="button quiet" onClick={onAnother}>
          {t("create.another")}
        </button>
      </div>
    </section>
  );
}

function Access({ bind }: { readonly bind: Signal<"open" | "invite"> }) {
  return (
    <label class="field">
      <span>{t("create.access")}</span>
      <select
        value={bind.value}
        data-testid="create-access"
        onChange={(event) => {
          bind.value = event.currentTarget.value as "open" | "invite";
        }}
      >
        <option value="open">{t("create.open")}</option>
        <option value="invite">{t("create.invite")}</option>
      </select>
    </label>
  );
}

export function CreateRoom({ slug: wanted, onMade }: { readonly slug?: string; readonly onMade: () => void }) {
  const title = useSignal("");
  const slug = useSignal(wanted ?? "");
  const touched = useSignal(wanted !== undefined);
  const capacity = useSignal("");
  const access = useSignal<"open" | "invite">("open");
  const busy = useSignal(false);
  const error = useSignal<string | undefined>(undefined);
  const made = useSignal<RoomInfo | undefined>(undefined);

  const make = async (): Promise<void> => {
    busy.value = true;
    error.value = undefined;
    try {
      made.value = await client.createRoom({
        slug: slug.value.trim(),
        access: access.value,
        ...(title.value.trim() === "" ? {} : { title: title.value.trim() }),
        ...(capacity.value === "" ? {} : { capacity: Number(capacity.value) }),
      });
      onMade();
    } catch (thrown) {
      error.value = messageOf(thrown);
    }
    busy.value = false;
  };
  const reset = (): void => {
    made.value = undefined;
    title.value = slug.value = capacity.value = "";
    touched.value = false;
  };

  if (made.value !== undefined) return <Made room={made.value} onAnother={reset} />;
  return (
    <section class="card" aria-labelledby="create-title" data-testid="create-room">
      <h2 id="create-title">{t("create.title")}</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <Field
          label={t("create.name")}
          bind={title}
          onTyped={(value) => {
            if (!touched.value) slug.value = slugFromTitle(value);
          }}
          placeholder={t("create.namePlaceholder")}
          maxLength={100}
          testId="create-name"
        />
        <Field
          label={t("create.slug")}
          bind={slug}
          onTyped={(value) => {
            slug.value = value.replace(/\s+/g, "-");
            touched.value = true;
          }}
          placeholder={t("create.slugPlaceholder")}
          hint={
            slug.value === "" ? t("create.slugHint") : t("create.link", { link: roomLink(location.host, slug.value) })
          }
          maxLength={512}
          required
          testId="create-slug"
        />
        <div class="field-row">
          <Access bind={access} />
          <Field label={t("create.capacity")} type="number" bind={capacity} placeholder="50" testId="create-capacity" />
        </div>
        <FormError text={error.value} />
        <button type="submit" class="button primary wide" disabled={busy.value} data-testid="create-submit">
          <Icon name="plus" />
          {busy.value ? t("create.making") : t("create.make")}
        </button>
      </form>
    </section>
  );
}
