/** A page for each route; the focus follows, so that a screen reader hears where it is. */
import { useEffect, useRef } from "preact/hooks";
import { HomePage } from "./pages/home.tsx";
import { MeshPage } from "./pages/mesh.tsx";
import { NotFoundPage } from "./pages/not-found.tsx";
import { RoomPage } from "./pages/room.tsx";
import { t } from "./state/i18n.ts";
import { lazily } from "./state/load.ts";
import { type Route, route } from "./state/router.ts";

const account = lazily(async () => (await import("./pages/account.tsx")).AccountPage);
const invite = lazily(async () => (await import("./pages/invite.tsx")).InvitePage);

const keyOf = (to: Route): string => (to.page === "room" ? `room ${to.slug}` : to.page);

function Page({ to }: { readonly to: Route }) {
  switch (to.page) {
    case "home":
      return <HomePage />;
    case "room":
      return <RoomPage slug={to.slug} />;
    case "mesh":
      return <MeshPage />;
    case "account": {
      const Account = account.get();
      return Account === undefined ? <div class="skeleton tall" /> : <Account />;
    }
    case "invite": {
      const Invite = invite.get();
      return Invite === undefined ? <div class="skeleton tall" /> : <Invite code={to.code} />;
    }
    case "notFound":
      return <NotFoundPage />;
  }
}

export function App() {
  const to = route.value;
  const key = keyOf(to);
  const main = useRef<HTMLDivElement>(null);
  const isFirst = useRef(true);
  // The focus moves when the page changes, and only then.
  useEffect(() => {
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [key]);
  return (
    <>
      <a class="skip" href="#main">
        {t("app.skip")}
      </a>
      <div id="main" class="page" tabIndex={-1} ref={main} key={key}>
        <Page to={to} />
      </div>
    </>
  );
}
