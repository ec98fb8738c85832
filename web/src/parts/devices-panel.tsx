/** Another microphone, camera or loudspeaker during the call, and which node serves us. */
import type { Call } from "../state/call.ts";
import { prefer } from "../state/devices.ts";
import { t } from "../state/i18n.ts";
import { DeviceSelect } from "./device-select.tsx";
import { Panel } from "./panel.tsx";

export function DevicesPanel({ call }: { readonly call: Call }) {
  const path = call.path.value;
  return (
    <Panel
      title={t("device.title")}
      closeLabel={t("people.close")}
      onClose={() => call.show("devices")}
      testId="devices"
    >
      <div class="scroller">
        <DeviceSelect
          kind="audioinput"
          onChoose={(id) => {
            prefer("audioinput", id);
            void call.switchDevice("microphone", id);
          }}
        />
        <DeviceSelect
          kind="videoinput"
          onChoose={(id) => {
            prefer("videoinput", id);
            void call.switchDevice("camera", id);
          }}
        />
        <DeviceSelect
          kind="audiooutput"
          onChoose={(id) => {
            prefer("audiooutput", id);
            call.room?.setSpeaker(id);
          }}
        />
        <section class="entry">
          <h3>{t("call.layout")}</h3>
          <fieldset class="tabs" aria-label={t("call.layout")}>
            {(["grid", "speaker"] as const).map((name) => (
              <button
                type="button"
                key={name}
                aria-pressed={call.layout.value === name}
                onClick={() => {
                  call.layout.value = name;
                }}
                data-testid={`layout-${name}`}
              >
                {t(`call.layout.${name}`)}
              </button>
            ))}
          </fieldset>
        </section>
        {path !== undefined && (
          <section class="entry node-why" data-testid="node-why">
            <h3>{t("call.nodeWhy")}</h3>
            <p>
              <strong>{path.node.name}</strong> · {t(`call.quality.${call.quality.value}`)}
            </p>
            <p class="hint">{path.why}</p>
          </section>
        )}
      </div>
    </Panel>
  );
}
