/** Who is here, where they are served, and who belongs to the room; for moderators what they may do about it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { client } from "../state/app.ts";
import type { Call, Person } from "../state/call.ts";
import { t } from "../state/i18n.ts";
import { useDeed } from "../state/load.ts";
import { Avatar } from "./avatar.tsx";
import { Confirm } from "./confirm.tsx";
import { CopyLink } from "./copy-link.tsx";
import { FormError } from "./field.tsx";
import { Icon } from "./icons.tsx";
import { Members } from "./members.tsx";
import { Panel } from "./panel.tsx";

/** Bars of a connection's score, as telephones show them. */
function Score({ score }: { readonly score: number | undefined }) {
  if (score === undefined) return null;
  const label = t("people.score", { score });
  return (
    <svg class={`bars score-${score}`} viewBox="0 0 20 16" role="img" aria-label={label}>
      <title>{label}</title>
      {[1, 2, 3, 4, 5].map((bar) => (
        <rect
          key={bar}
          class={bar <= score ? "on" : ""}
          x={(bar - 1) * 4}
          y={14 - bar * 2.6}
          width="3"
          height={bar * 2.6 + 2}
          rx="1"
        />
      ))}
    </svg>
  );
}

function Moderation({ call, person }: { readonly call: Call; readonly person: Person }) {
  if (!call.mayModerate(person)) return null;
  return (
    <>
      {person.micOn && (
        <button
          type="button"
          class="ghost icon-only"
          aria-label={t("people.mute", { name: person.name })}
          title={t("people.mute", { name: person.name })}
          onClick={() => call.room?.muteParticipant(person.id)}
          data-testid="person-mute"
        >
          <Icon name="hush" />
        </button>
      )}
      <Confirm
        label={t("people.remove", { name: person.name })}
        question={t("people.removeSure", { name: person.name })}
        yes={t("members.removeYes")}
        onYes={() => call.room?.removeParticipant(person.id)}
        class="ghost icon-only"
        testId="person-remove"
      >
        <Icon name="door" />
      </Confirm>
    </>
  );
}

function Here({ call }: { readonly call: Call }) {
  const people = call.people.value;
  return (
    <>
      <p class="hint">{t("people.count", { count: people.length })}</p>
      <ul class="people">
        {people.map((person) => (
          <li key={person.id} class="member" data-testid="person">
            <Avatar id={person.id} name={person.name} />
            <span class="who">
              <strong>{person.isSelf ? t("call.youName", { name: person.name }) : person.name}</strong>
              <small>
                {t(`people.role.${person.role}`)} · {t("call.onNode", { node: person.node })}
              </small>
            </span>
            <Score score={call.scores.value.get(person.id)} />
            <Icon name={person.micOn ? "mic" : "micOff"} class={person.micOn ? "" : "dim"} />
            <Icon name={person.cameraOn ? "camera" : "cameraOff"} class={person.cameraOn ? "" : "dim"} />
            <Moderation call={call} person={person} />
          </li>
        ))}
      </ul>
      {call.canModerate.value && <Door call={call} />}
      <CopyLink slug={call.address.value} />
    </>
  );
}

/** A locked room takes in nobody but its owner, its moderators, and who is inside already. */
function Door({ call }: { readonly call: Call }) {
  const deed = useDeed();
  // Another moderator may have turned the key. When that cannot be asked, what was known stays.
  useEffect(() => {
    const before = call.locked.value;
    client.rooms.get(call.address.value).then(
      (room) => {
        if (call.locked.value === before) call.locked.value = room.locked === true;
      },
      () => undefined,
    );
  }, [call]);
  const set = async (locked: boolean): Promise<void> => {
    if (await deed.run(() => client.rooms.setLocked(call.address.value, locked))) call.locked.value = locked;
  };
  return (
    <section class="entry" aria-label={t("people.door")}>
      <h3>{t("people.door")}</h3>
      <p class="hint" role="status">
        {call.locked.value === true ? t("people.isLocked") : t("people.lockHint")}
      </p>
      <fieldset class="tabs" aria-label={t("people.door")}>
        {[false, true].map((locked) => (
          <button
            type="button"
            key={String(locked)}
            aria-pressed={call.locked.value === locked}
            disabled={deed.busy.value}
            onClick={() => void set(locked)}
            data-testid={locked ? "room-lock" : "room-unlock"}
          >
            <Icon name={locked ? "lock" : "unlock"} />
            {t(locked ? "people.lock" : "people.unlock")}
          </button>
        ))}
      </fieldset>
      <FormError text={deed.error.value} />
    </section>
  );
}

export function PeoplePanel({ call }: { readonly call: Call }) {
  const shown = useSignal<"here" | "members">("here");
  return (
    <Panel title={t("people.title")} closeLabel={t("people.close")} onClose={() => call.show("people")} testId="people">
      <div class="scroller">
        <fieldset class="tabs" aria-label={t("people.title")}>
          {(["here", "members"] as const).map((name) => (
            <button
              type="button"
              key={name}
              aria-pressed={shown.value === name}
              onClick={() => {
                shown.value = name;
              }}
              data-testid={`people-${name}`}
            >
              {t(`people.${name}`)}
            </button>
          ))}
        </fieldset>
        {shown.value === "here" ? <Here call={call} /> : <Members call={call} />}
      </div>
    </Panel>
  );
}
