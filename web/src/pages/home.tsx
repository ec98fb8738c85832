/** Where everybody starts: come in, go to a room, make one, or find yours again. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { RoomInfo } from "../../../client-sdk/src/index.ts";
import { AuthForm } from "../parts/auth-form.tsx";
import { Avatar } from "../parts/avatar.tsx";
import { CreateRoom } from "../parts/create-room.tsx";
import { FormError } from "../parts/field.tsx";
import { Icon } from "../parts/icons.tsx";
import { Ripples } from "../parts/ripples.tsx";
import { TopBar } from "../parts/top-bar.tsx";
import { client, logout, messageOf, user } from "../state/app.ts";
import { t } from "../state/i18n.ts";
import { useDeed } from "../state/load.ts";
import { navigate } from "../state/router.ts";
import { roomPath, slugFromInput } from "../state/slug.ts";

function OpenRoom() {
  const text = useSignal("");
  const deed = useDeed();
  const random = (): Promise<boolean> => deed.run(async () => navigate(roomPath((await client.rooms.random()).slug)));
  const go = (): void => {
    const slug = slugFromInput(text.value);
    if (slug !== "") navigate(roomPath(slug));
  };
  return (
    <form
      class="open-room"
      onSubmit={(event) => {
        event.preventDefault();
        go();
      }}
    >
      <label for="open-room">{t("open.label")}</label>
      <div class="joined-input">
        <input
          id="open-room"
          value={text.value}
          placeholder={t("open.placeholder")}
          autoComplete="off"
          autoCapitalize="none"
          spellcheck={false}
          data-testid="open-room"
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        <button type="submit" class="button" data-testid="open-go">
          {t("open.go")}
          <Icon name="forward" />
        </button>
      </div>
      {user.value !== null && user.value !== undefined && (
        <button type="button" class="link" onClick={() => void random()} data-testid="random-room">
          {t("rooms.random")}
        </button>
      )}
      <FormError text={deed.error.value} />
    </form>
  );
}

function peopleText(count: number): string {
  if (count === 0) return t("rooms.nobody");
  return count === 1 ? t("rooms.one") : t("rooms.many", { count });
}

function RoomRow({ room }: { readonly room: RoomInfo }) {
  return (
    <li>
      <a class="room-row" href={roomPath(room.slug)} data-testid="my-room">
        <Avatar id={room.roomId} name={room.title} pictureId={room.pictureId} />
        <span class="room-name">
          <strong>{room.title}</strong>
          <small>{room.slug}</small>
        </span>
        {(room.unread ?? 0) > 0 && (
          <span class="pill unread-pill">{t("rooms.unread", { count: room.unread ?? 0 })}</span>
        )}
        <span class={room.occupants > 0 ? "pill live" : "pill"}>{peopleText(room.occupants)}</span>
        <Icon name="forward" />
      </a>
    </li>
  );
}

function MyRooms({
  rooms,
  error,
}: {
  readonly rooms: readonly RoomInfo[] | undefined;
  readonly error: string | undefined;
}) {
  return (
    <section class="card" aria-labelledby="rooms-title" aria-busy={rooms === undefined} data-testid="my-rooms">
      <h2 id="rooms-title">{t("rooms.title")}</h2>
      {error !== undefined && <p class="form-error">{error}</p>}
      {rooms === undefined && error === undefined && <div class="skeleton" />}
      {rooms?.length === 0 && <p class="empty">{t("rooms.empty")}</p>}
      <ul class="rooms">
        {rooms?.map((room) => (
          <RoomRow room={room} key={room.roomId} />
        ))}
      </ul>
    </section>
  );
}

function Member() {
  const rooms = useSignal<readonly RoomInfo[] | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const load = async (): Promise<void> => {
    try {
      rooms.value = await client.myRooms();
      error.value = undefined;
    } catch (thrown) {
      error.value = messageOf(thrown);
    }
  };
  // Read once when the page opens, then after a room was made.
  useEffect(() => {
    void load();
  }, []);
  return (
    <>
      <MyRooms rooms={rooms.value} error={error.value} />
      <CreateRoom onMade={() => void load()} />
    </>
  );
}

function Guest() {
  return (
    <>
      <p class="card note">{t("create.guest")}</p>
      <AuthForm first="register" />
    </>
  );
}

function Greeting() {
  const person = user.value;
  if (person === null || person === undefined) return null;
  return (
    <div class="greeting" data-testid="greeting">
      <a href="/account" title={t("account.title")} data-testid="nav-account">
        <span class="hidden">{t("account.title")}</span>
        <Avatar id={person.userId} name={person.displayName} pictureId={person.pictureId} />
      </a>
      <div>
        <strong>{t("auth.hello", { name: person.displayName })}</strong>
        <small>{person.guest ? t("auth.isGuest") : `@${person.handle ?? ""}`}</small>
      </div>
      <button type="button" class="button quiet small" onClick={logout} data-testid="logout">
        {t("auth.logout")}
      </button>
    </div>
  );
}

export function HomePage() {
  const person = user.value;
  const isKnown = person !== null && person !== undefined;
  useEffect(() => {
    document.title = "Hearsay";
  }, []);
  return (
    <>
      <TopBar here="home" />
      <main class={isKnown ? "home known" : "home"}>
        <section class="hero">
          <Ripples />
          <h1>{t("app.hero")}</h1>
          <p>{t("app.heroText")}</p>
          <OpenRoom />
        </section>
        <div class="stack">
          <Greeting />
          {!isKnown ? <AuthForm /> : person.guest ? <Guest /> : <Member />}
        </div>
      </main>
    </>
  );
}
