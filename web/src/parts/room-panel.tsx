/** What the room keeps: memories, plans, bills; and asking people in. Loaded when it is first opened. */
import { useSignal } from "@preact/signals";
import type { Call } from "../state/call.ts";
import { t } from "../state/i18n.ts";
import { BillsTab } from "./bills-tab.tsx";
import { Gallery } from "./gallery.tsx";
import { InvitesTab } from "./invites-tab.tsx";
import { Panel } from "./panel.tsx";
import { Plans } from "./plans.tsx";
import { RoomSettings } from "./room-settings.tsx";

const TABS = ["memories", "plans", "bills", "invites", "settings"] as const;
type Tab = (typeof TABS)[number];

function Shown({ call, tab }: { readonly call: Call; readonly tab: Tab }) {
  const { room } = call;
  if (room === undefined) return <div class="skeleton" />;
  switch (tab) {
    case "memories":
      return <Gallery call={call} memories={room.memories} />;
    case "plans":
      return <Plans call={call} happenings={room.happenings} />;
    case "bills":
      return <BillsTab call={call} bills={room.bills} />;
    case "invites":
      return <InvitesTab call={call} />;
    case "settings":
      return <RoomSettings call={call} />;
  }
}

export function RoomPanel({ call }: { readonly call: Call }) {
  const tab = useSignal<Tab>("memories");
  return (
    <Panel title={t("call.room")} closeLabel={t("people.close")} onClose={() => call.show("room")} testId="room-panel">
      <div class="scroller">
        <fieldset class="tabs scrolling" aria-label={t("room.tabs")}>
          {TABS.filter((name) => name !== "settings" || call.canModerate.value).map((name) => (
            <button
              type="button"
              key={name}
              aria-pressed={tab.value === name}
              onClick={() => {
                tab.value = name;
              }}
              data-testid={`tab-${name}`}
            >
              {t(`room.${name}`)}
            </button>
          ))}
        </fieldset>
        <Shown call={call} tab={tab.value} key={tab.value} />
      </div>
    </Panel>
  );
}
