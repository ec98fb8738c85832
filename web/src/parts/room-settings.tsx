/** What a room is: name, description, picture, who may come in, where it is, and its end. For its owner and moderators. */
import { useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import type { ChangeRoom, RoomInfo } from "../../../client-sdk/src/index.ts";
import { client } from "../state/app.ts";
import type { Call } from "../state/call.ts";
import { t } from "../state/i18n.ts";
import { useDeed, useLoaded } from "../state/load.ts";
import { roomLink } from "../state/slug.ts";
import { Avatar } from "./avatar.tsx";
import { Confirm } from "./confirm.tsx";
import { Field, FormError } from "./field.tsx";

const MAX_DESCRIPTION = 2_000;

function Picture({ room, onChanged }: { readonly room: RoomInfo; readonly onChanged: () => void }) {
  const deed = useDeed();
  const set = async (picture: Blob | null): Promise<void> => {
    if (await deed.run(() => client.rooms.setPicture(room.slug, picture))) onChanged();
  };
  return (
    <div class="picture-row">
      <Avatar id={room.roomId} name={room.title} pictureId={room.pictureId} />
      <label class="button small file-button">
        {t("account.choosePicture")}
        <input
          type="file"
          class="hidden"
          accept="image/*"
          disabled={deed.busy.value}
          data-testid="room-picture"
          onChange={(event) => {
            const [file] = event.currentTarget.files ?? [];
            if (file !== undefined) void set(file);
          }}
        />
      </label>
      {room.pictureId !== undefined && (
        <button type="button" class="button quiet small" onClick={() => void set(null)}>
          {t("account.removePicture")}
        </button>
      )}
      <FormError text={deed.error.value} />
    </div>
  );
}

/** What was typed that is not so already. */
function changesOf(room: RoomInfo, typed: Required<Omit<ChangeRoom, "pictureId">>): ChangeRoom {
  return {
    ...(typed.title !== room.title && typed.title !== "" ? { title: typed.title } : {}),
    ...(typed.description === (room.description ?? "") ? {} : { description: typed.description }),
    ...(typed.access === room.access ? {} : { access: typed.access }),
    ...(typed.capacity === room.capacity || !(typed.capacity > 0) ? {} : { capacity: typed.capacity }),
    ...(typed.slug === room.slug || typed.slug === "" ? {} : { slug: typed.slug }),
  };
}

function About({ room, isOwner, onChanged }: { room: RoomInfo; isOwner: boolean; onChanged: () => void }) {
  const title = useSignal(room.title);
  const description = useSignal(room.description ?? "");
  const access = useSignal(room.access);
  const capacity = useSignal(String(room.capacity));
  const slug = useSignal(room.slug);
  const saved = useSignal(false);
  const deed = useDeed();
  const descriptionId = useId();
  const changes = changesOf(room, {
    title: title.value.trim(),
    description: description.value.trim(),
    access: access.value,
    capacity: Number(capacity.value),
    slug: slug.value.trim(),
  });
  const save = async (): Promise<void> => {
    saved.value = await deed.run(() => client.rooms.update(room.slug, changes));
    if (saved.value) onChanged();
  };
  const typing = (): void => {
    saved.value = false;
  };
  return (
    <form
      onInput={typing}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Field label={t("create.name")} bind={title} required maxLength={100} testId="room-title" />
      <div class="field">
        <label for={descriptionId}>{t("settings.description")}</label>
        <textarea
          id={descriptionId}
          rows={3}
          maxLength={MAX_DESCRIPTION}
          value={description.value}
          placeholder={t("settings.descriptionPlaceholder")}
          data-testid="room-description"
          onInput={(event) => {
            description.value = event.currentTarget.value;
          }}
        />
      </div>
      <div class="field-row">
        <label class="field">
          <span>{t("create.access")}</span>
          <select
            value={access.value}
            data-testid="room-access"
            onChange={(event) => {
              access.value = event.currentTarget.value === "invite" ? "invite" : "open";
              typing();
            }}
          >
            <option value="open">{t("create.open")}</option>
            <option value="invite">{t("create.invite")}</option>
          </select>
        </label>
        <Field label={t("create.capacity")} type="number" bind={capacity} testId="room-capacity" />
      </div>
      {isOwner && (
        <Field
          label={t("create.slug")}
          bind={slug}
          onTyped={(value) => {
            slug.value = value.replace(/\s+/g, "-");
          }}
          maxLength={512}
          hint={
            changes.slug === undefined
              ? t("settings.addressHint")
              : t("settings.addressNew", { link: roomLink(location.host, changes.slug) })
          }
          testId="room-slug"
        />
      )}
      <FormError text={deed.error.value} />
      <div class="row save-row">
        <button
          type="submit"
          class="button primary"
          disabled={deed.busy.value || Object.keys(changes).length === 0}
          data-testid="room-save"
        >
          {t("account.save")}
        </button>
        <p class="hint" role="status" data-testid="room-saved">
          {saved.value ? t("account.saved") : ""}
        </p>
      </div>
    </form>
  );
}

function End({ call, room }: { readonly call: Call; readonly room: RoomInfo }) {
  const deed = useDeed();
  return (
    <section class="entry danger-zone">
      <h3>{t("settings.delete")}</h3>
      <p class="hint">{t("settings.deleteText")}</p>
      <Confirm
        question={t("settings.deleteSure", { title: room.title })}
        yes={t("settings.deleteYes")}
        onYes={() => void deed.run(() => call.deleteRoom())}
        class="button danger small"
        disabled={deed.busy.value}
        testId="room-delete"
      >
        {t("settings.delete")}
      </Confirm>
      <FormError text={deed.error.value} />
    </section>
  );
}

export function RoomSettings({ call }: { readonly call: Call }) {
  const changed = useSignal(0);
  const { value, error, reload } = useLoaded(() => client.room(call.address.value), changed.value);
  const room = value.value;
  // A change by somebody else: what is typed here stays until it is saved or the tab is opened anew.
  useEffect(() => {
    call.title.value = room?.title ?? call.title.value;
  }, [room, call]);
  if (room === undefined)
    return error.value === undefined ? (
      <div class="skeleton tall" />
    ) : (
      <>
        <FormError text={error.value} />
        <button type="button" class="button" onClick={reload}>
          {t("closed.retry")}
        </button>
      </>
    );
  const again = (): void => {
    changed.value += 1;
  };
  const isOwner = call.role.value === "owner";
  return (
    <div class="stack settings" data-testid="room-settings">
      <Picture room={room} onChanged={again} />
      <About room={room} isOwner={isOwner} onChanged={again} />
      {isOwner && <End call={call} room={room} />}
    </div>
  );
}
