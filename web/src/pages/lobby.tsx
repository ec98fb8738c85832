/** Before going in: how one will be seen and heard, which node will serve, and who is there. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { JoinOptions } from "../../../client-sdk/src/index.ts";
import { AuthForm } from "../parts/auth-form.tsx";
import { CreateRoom } from "../parts/create-room.tsx";
import { DeviceSelect } from "../parts/device-select.tsx";
import { Field, FormError } from "../parts/field.tsx";
import { Icon } from "../parts/icons.tsx";
import { OwnVideo } from "../parts/own-video.tsx";
import { TopBar } from "../parts/top-bar.tsx";
import { enterAsGuest, messageOf, user } from "../state/app.ts";
import { maybe, t } from "../state/i18n.ts";
import { type DeviceState, Lobby } from "../state/lobby.ts";

type Media = Pick<JoinOptions, "audio" | "video" | "path">;

function Preview({ lobby }: { readonly lobby: Lobby }) {
  const camera = lobby.camera.value;
  const microphone = lobby.microphone.value;
  return (
    <section class="preview" aria-label={t("lobby.preview")}>
      {camera.track === undefined ? (
        <div class="preview-off">
          <Icon name="cameraOff" />
          <p>{camera.on ? t("lobby.cameraAsk") : t("lobby.cameraOff")}</p>
        </div>
      ) : (
        <OwnVideo track={camera.track} label={t("lobby.preview")} />
      )}
      <Level lobby={lobby} />
      <div class="preview-controls">
        <Toggle kind="mic" state={microphone} onToggle={() => void lobby.toggle("microphone")} />
        <Toggle kind="camera" state={camera} onToggle={() => void lobby.toggle("camera")} />
      </div>
    </section>
  );
}

function Toggle({
  kind,
  state,
  onToggle,
}: {
  readonly kind: "mic" | "camera";
  readonly state: DeviceState;
  readonly onToggle: () => void;
}) {
  const isOn = state.track !== undefined;
  const label = kind === "mic" ? t(isOn ? "call.mute" : "call.unmute") : t(isOn ? "call.cameraOff" : "call.cameraOn");
  const icon = isOn ? kind : kind === "mic" ? "micOff" : "cameraOff";
  return (
    <button
      type="button"
      class={isOn ? "round" : "round off"}
      aria-pressed={!isOn}
      aria-label={label}
      title={label}
      onClick={onToggle}
      data-testid={`lobby-${kind}`}
    >
      <Icon name={icon} />
    </button>
  );
}

function Level({ lobby }: { readonly lobby: Lobby }) {
  if (lobby.microphone.value.track === undefined) return null;
  const percent = Math.round(lobby.level.value * 100);
  return (
    <meter class="level" min={0} max={100} value={percent} aria-label={t("lobby.level")} data-testid="level">
      {percent}
    </meter>
  );
}

function CheckRow({
  label,
  state,
  detail,
}: {
  readonly label: string;
  readonly state: "ok" | "off" | "wait" | "bad";
  readonly detail: string;
}) {
  const icon = state === "ok" ? "check" : state === "bad" ? "alert" : "forward";
  return (
    <li class={`check ${state}`}>
      <Icon name={icon} />
      <span>{label}</span>
      <small>{detail}</small>
    </li>
  );
}

function deviceCheck(label: string, state: DeviceState) {
  if (state.error !== undefined)
    return <CheckRow label={label} state="bad" detail={maybe(`device.error.${state.error}`) ?? state.error} />;
  if (state.track !== undefined)
    return <CheckRow label={label} state="ok" detail={state.track.label || t("lobby.ok")} />;
  return <CheckRow label={label} state={state.on ? "wait" : "off"} detail={t(state.on ? "lobby.wait" : "lobby.off")} />;
}

const rounded = (rttMs: number): string => (rttMs < 10 ? rttMs.toFixed(1) : rttMs.toFixed(0));

function nodeText(lobby: Lobby): string {
  const path = lobby.path.value;
  const nearest = lobby.nearest.value;
  const node = path?.node.name ?? nearest?.node;
  if (node === undefined) return lobby.measured.value ? t("lobby.nodeNone") : t("lobby.wait");
  const rttMs = path?.rttMs ?? nearest?.rttMs;
  const away = rttMs === undefined ? "" : ` · ${t("lobby.nodeRtt", { rtt: rounded(rttMs) })}`;
  return t("lobby.node", { node }) + away;
}

function NodeSelect({ lobby, chosen }: { readonly lobby: Lobby; readonly chosen: string }) {
  const nodes = lobby.nodes.value;
  if (nodes.length < 2) return null;
  return (
    <label class="field">
      <span>{t("lobby.another")}</span>
      <select value={chosen} data-testid="lobby-node" onChange={(event) => lobby.useNode(event.currentTarget.value)}>
        {nodes.map((node) => (
          <option value={node.name} key={node.name}>
            {node.region === "" ? node.name : `${node.name} · ${node.region}`}
          </option>
        ))}
      </select>
    </label>
  );
}

function Why({ lobby }: { readonly lobby: Lobby }) {
  const path = lobby.path.value;
  const nearest = lobby.nearest.value;
  if (path === undefined && nearest === undefined) return null;
  const others = (path?.alternatives ?? []).map(({ node, rttMs }) =>
    rttMs === undefined ? node.name : `${node.name} (${rounded(rttMs)} ms)`,
  );
  return (
    <details class="why" data-testid="lobby-why">
      <summary>{t("lobby.why")}</summary>
      <p>{path?.why ?? t("lobby.nearest", { count: nearest?.count ?? 1 })}</p>
      {others.length > 0 && <p>{t("lobby.others", { list: others.join(", ") })}</p>}
      <NodeSelect lobby={lobby} chosen={path?.node.name ?? nearest?.node ?? ""} />
    </details>
  );
}

function Check({ lobby }: { readonly lobby: Lobby }) {
  const known = lobby.path.value ?? lobby.nearest.value;
  const state = known !== undefined ? "ok" : lobby.measured.value ? "bad" : "wait";
  return (
    <section aria-label={t("lobby.check")} data-testid="lobby-check">
      <ul class="checks">
        {deviceCheck(t("lobby.checkMic"), lobby.microphone.value)}
        {deviceCheck(t("lobby.checkCamera"), lobby.camera.value)}
        <CheckRow label={t("lobby.checkNode")} state={state} detail={nodeText(lobby)} />
      </ul>
      <Why lobby={lobby} />
    </section>
  );
}

function occupancy(count: number): string {
  if (count === 0) return t("lobby.nobody");
  return count === 1 ? t("lobby.one") : t("lobby.many", { count });
}

function NoRoom({ slug }: { readonly slug: string }) {
  const making = useSignal(false);
  const person = user.value;
  const mayMake = person !== null && person !== undefined && !person.guest;
  if (making.value)
    return (
      <main class="narrow">
        {mayMake ? <CreateRoom slug={slug} onMade={() => undefined} /> : <AuthForm first="register" />}
      </main>
    );
  return (
    <main class="notice" data-testid="no-room">
      <Icon name="door" class="notice-icon" />
      <h1>{t("lobby.noRoom")}</h1>
      <p>{t("lobby.noRoomText", { slug })}</p>
      <div class="row center">
        <button
          type="button"
          class="button primary"
          data-testid="make-this-room"
          onClick={() => {
            making.value = true;
          }}
        >
          {t("lobby.makeIt")}
        </button>
        <a class="button quiet" href="/">
          {t("lobby.goHome")}
        </a>
      </div>
    </main>
  );
}

function EnterForm({ lobby, onEnter }: { readonly lobby: Lobby; readonly onEnter: (media: Media) => void }) {
  const name = useSignal("");
  const busy = useSignal(false);
  const error = useSignal<string | undefined>(undefined);
  const person = user.value;
  const enter = async (): Promise<void> => {
    busy.value = true;
    error.value = undefined;
    try {
      if (user.value === null || user.value === undefined) await enterAsGuest(name.value.trim());
      onEnter(lobby.handOver());
    } catch (thrown) {
      error.value = messageOf(thrown);
      busy.value = false;
    }
  };
  return (
    <form
      class="enter"
      onSubmit={(event) => {
        event.preventDefault();
        void enter();
      }}
    >
      {(person === null || person === undefined) && (
        <Field
          label={t("auth.name")}
          bind={name}
          placeholder={t("auth.namePlaceholder")}
          autoComplete="name"
          maxLength={64}
          required
          testId="lobby-name"
        />
      )}
      <FormError text={error.value} />
      <button type="submit" class="button primary wide large" disabled={busy.value} data-testid="lobby-join">
        <Icon name="door" />
        {busy.value ? t("lobby.joining") : t("lobby.join")}
      </button>
      {lobby.camera.value.error !== undefined && <p class="hint center">{t("lobby.without")}</p>}
    </form>
  );
}

export function LobbyPage({ slug, onEnter }: { readonly slug: string; readonly onEnter: (media: Media) => void }) {
  const lobby = useMemo(() => new Lobby(slug), [slug]);
  useEffect(() => {
    lobby.start();
    return () => lobby.close();
  }, [lobby]);
  const room = lobby.room.value;
  const title = room?.title ?? slug;
  useEffect(() => {
    document.title = `${title} · Hearsay`;
  }, [title]);
  if (lobby.roomError.value === "unknown_room" || lobby.roomError.value === "not_found")
    return (
      <>
        <TopBar here="room" />
        <NoRoom slug={slug} />
      </>
    );
  return (
    <>
      <TopBar here="room" />
      <main class="lobby" data-testid="lobby">
        <Preview lobby={lobby} />
        <div class="lobby-side">
          <header>
            <h1>{title}</h1>
            <p class="lobby-who" aria-live="polite">
              {room === undefined ? t("app.loading") : occupancy(room.occupants)}
            </p>
          </header>
          <EnterForm lobby={lobby} onEnter={onEnter} />
          <Check lobby={lobby} />
          <div class="field-row">
            <DeviceSelect kind="audioinput" onChoose={(id) => void lobby.choose("microphone", id)} />
            <DeviceSelect kind="videoinput" onChoose={(id) => void lobby.choose("camera", id)} />
          </div>
        </div>
      </main>
    </>
  );
}
