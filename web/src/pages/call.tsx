/** The call: stage, bar, and what opens beside them. */
import { useEffect } from "preact/hooks";
import { ConnectionBanner } from "../parts/banner.tsx";
import { Controls } from "../parts/controls.tsx";
import { Icon } from "../parts/icons.tsx";
import { Stage } from "../parts/stage.tsx";
import type { Call, Panel } from "../state/call.ts";
import { maybe, t } from "../state/i18n.ts";
import { lazily } from "../state/load.ts";

function CallBar({ call }: { readonly call: Call }) {
  const path = call.path.value;
  const quality = call.quality.value;
  return (
    <header class="call-bar">
      <h1>{call.title.value === "" ? call.slug : call.title.value}</h1>
      <button type="button" class="chip" onClick={() => call.show("people")} data-testid="people-count">
        <Icon name="people" />
        <span class="hidden">{t("call.people")}: </span>
        {call.people.value.length}
      </button>
      {path !== undefined && (
        <button
          type="button"
          class={`chip node ${quality}`}
          onClick={() => call.show("devices")}
          title={`${path.why} (${t(`call.quality.${quality}`)})`}
          data-testid="node"
          data-node={path.node.name}
        >
          <span class="dot" aria-hidden="true" />
          <span class="hidden">{t(`call.quality.${quality}`)}, </span>
          {t("call.node", { node: path.node.name })}
        </button>
      )}
    </header>
  );
}

function Notices({ call }: { readonly call: Call }) {
  const failed = call.deviceError.value;
  return (
    <div class="notices">
      {call.playbackBlocked.value && (
        <button
          type="button"
          class="button primary"
          onClick={() => void call.room?.startAudio()}
          data-testid="tap-to-hear"
        >
          <Icon name="sound" />
          {t("call.tapToHear")}
        </button>
      )}
      {failed !== undefined && (
        <p class="banner bad" role="alert" data-testid="device-error">
          {maybe(`device.${failed.source}`) ?? failed.source}: {maybe(`device.error.${failed.code}`) ?? failed.code}
          <button
            type="button"
            class="ghost icon-only"
            aria-label={t("people.close")}
            onClick={() => {
              call.deviceError.value = undefined;
            }}
          >
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}

/** A phone that goes dark in a call is a call that ends. The lock is lost whenever the page is hidden. */
function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | undefined;
    const hold = async (): Promise<void> => {
      if (document.visibilityState === "visible") lock = await navigator.wakeLock?.request("screen");
    };
    const held = (): void => void hold().catch(() => undefined);
    held();
    document.addEventListener("visibilitychange", held);
    return () => {
      document.removeEventListener("visibilitychange", held);
      void lock?.release().catch(() => undefined);
    };
  }, []);
}

type Opened = Exclude<Panel, "none">;
const PANELS = {
  chat: lazily(async () => (await import("../parts/chat-panel.tsx")).ChatPanel),
  people: lazily(async () => (await import("../parts/people-panel.tsx")).PeoplePanel),
  room: lazily(async () => (await import("../parts/room-panel.tsx")).RoomPanel),
  devices: lazily(async () => (await import("../parts/devices-panel.tsx")).DevicesPanel),
} as const;

function OpenedPanel({ call, panel }: { readonly call: Call; readonly panel: Opened }) {
  const Shown = PANELS[panel].get();
  if (Shown !== undefined) return <Shown call={call} />;
  return (
    <aside class="panel" aria-busy="true" aria-label={t("app.loading")}>
      <div class="scroller">
        <div class="skeleton" />
      </div>
    </aside>
  );
}

export function CallPage({ call }: { readonly call: Call }) {
  const panel = call.panel.value;
  useWakeLock();
  // Ready before somebody writes.
  useEffect(() => void PANELS.chat.get(), []);
  useEffect(() => {
    document.title = `${call.title.value} · Hearsay`;
  }, [call, call.title.value]);
  return (
    <main
      class={panel === "none" ? "call" : "call with-panel"}
      data-testid="call"
      data-connection={call.connection.value}
      data-media={call.media.value}
    >
      <CallBar call={call} />
      <ConnectionBanner call={call} />
      <Stage call={call} />
      <Notices call={call} />
      {panel !== "none" && <OpenedPanel call={call} panel={panel} key={panel} />}
      <Controls call={call} />
      <p class="hidden" aria-live="polite" data-testid="announcement">
        {call.announcement.value}
      </p>
    </main>
  );
}
