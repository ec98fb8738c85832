/** Who is here, where they are served, and how to ask more people in. */
import type { Call } from "../state/call.ts";
import { prefer } from "../state/devices.ts";
import { t } from "../state/i18n.ts";
import { Avatar } from "./avatar.tsx";
import { CopyLink } from "./copy-link.tsx";
import { DeviceSelect } from "./device-select.tsx";
import { Icon } from "./icons.tsx";
import { Panel } from "./panel.tsx";

export function PeoplePanel({ call }: { readonly call: Call }) {
  const people = call.people.value;
  return (
    <Panel title={t("people.title")} closeLabel={t("people.close")} onClose={() => call.show("people")} testId="people">
      <div class="scroller">
        <p class="hint">{t("people.count", { count: people.length })}</p>
        <ul class="people">
          {people.map((person) => (
            <li key={person.id} data-testid="person">
              <Avatar id={person.id} name={person.name} />
              <span class="who">
                <strong>{person.isSelf ? t("call.youName", { name: person.name }) : person.name}</strong>
                <small>
                  {t(`people.role.${person.role}`)} · {t("call.onNode", { node: person.node })}
                </small>
              </span>
              {call.canModerate.value && !person.isSelf && (
                <>
                  {person.micOn && (
                    <button
                      type="button"
                      class="ghost icon-only"
                      aria-label={t("people.mute", { name: person.name })}
                      onClick={() => call.room?.muteParticipant(person.id)}
                      data-testid="person-mute"
                    >
                      <Icon name="micOff" />
                    </button>
                  )}
                  <button
                    type="button"
                    class="ghost icon-only"
                    aria-label={t("people.remove", { name: person.name })}
                    onClick={() => call.room?.removeParticipant(person.id)}
                    data-testid="person-remove"
                  >
                    <Icon name="door" />
                  </button>
                </>
              )}
              <Icon name={person.micOn ? "mic" : "micOff"} class={person.micOn ? "" : "dim"} />
              <Icon name={person.cameraOn ? "camera" : "cameraOff"} class={person.cameraOn ? "" : "dim"} />
            </li>
          ))}
        </ul>
        <CopyLink slug={call.slug} />
      </div>
    </Panel>
  );
}

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
        {path !== undefined && (
          <section class="node-why" data-testid="node-why">
            <h3>{t("call.nodeWhy")}</h3>
            <p>
              <strong>{path.node.name}</strong> · {t(`call.quality.${call.quality.value}`)}
            </p>
            <p>{path.why}</p>
          </section>
        )}
      </div>
    </Panel>
  );
}
