/** The bar at the bottom: what one does most, under the thumb. */
import { useEffect } from "preact/hooks";
import type { Call, Panel } from "../state/call.ts";
import { t } from "../state/i18n.ts";
import { Icon, type IconName } from "./icons.tsx";

interface ControlProps {
  readonly icon: IconName;
  readonly label: string;
  /** What is written under the icon; part of `label`. */
  readonly short?: string;
  readonly onClick: () => void;
  readonly testId: string;
  readonly class?: string;
  readonly pressed?: boolean;
  readonly shortcut?: string;
  readonly badge?: number;
}

function Control({
  icon,
  label,
  short = label,
  onClick,
  testId,
  class: className,
  pressed,
  shortcut,
  badge = 0,
}: ControlProps) {
  const full = badge > 0 ? `${label}, ${t("call.unread", { count: badge })}` : label;
  return (
    <button
      type="button"
      class={`control ${className ?? ""}`}
      aria-label={full}
      title={shortcut === undefined ? label : `${label} (${shortcut})`}
      aria-pressed={pressed}
      aria-keyshortcuts={shortcut}
      onClick={onClick}
      data-testid={testId}
    >
      <Icon name={icon} />
      <span class="control-label" aria-hidden="true">
        {short}
      </span>
      {badge > 0 && (
        <span class="badge" aria-hidden="true" data-testid="unread">
          {badge > 99 ? "99+" : badge}
        </span>
      )}
    </button>
  );
}

/** Alt with a letter: a single letter would collide with screen readers, Ctrl with the browser. */
function useShortcuts(call: Call): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (!event.altKey || event.ctrlKey || event.metaKey) return;
      const actions: Readonly<Record<string, () => void>> = {
        KeyM: () => void call.toggleMicrophone(),
        KeyV: () => void call.toggleCamera(),
        KeyC: () => call.show("chat"),
        KeyP: () => call.show("people"),
      };
      const action = actions[event.code];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [call]);
}

export function Controls({ call }: { readonly call: Call }) {
  useShortcuts(call);
  const self = call.self.value;
  const micOn = self?.micOn === true;
  const cameraOn = self?.cameraOn === true;
  const panel = (name: Panel) => ({ pressed: call.panel.value === name, onClick: () => call.show(name) });
  return (
    <div class="controls" role="toolbar" aria-label={t("call.controls")}>
      <Control
        icon={micOn ? "mic" : "micOff"}
        label={t(micOn ? "call.mute" : "call.unmute")}
        class={micOn ? "" : "off"}
        shortcut="Alt+M"
        onClick={() => void call.toggleMicrophone()}
        testId="toggle-mic"
      />
      <Control
        icon={cameraOn ? "camera" : "cameraOff"}
        label={t(cameraOn ? "call.cameraOff" : "call.cameraOn")}
        short={t("call.camera")}
        class={cameraOn ? "" : "off"}
        shortcut="Alt+V"
        onClick={() => void call.toggleCamera()}
        testId="toggle-camera"
      />
      {navigator.mediaDevices?.getDisplayMedia !== undefined && (
        <Control
          icon="screen"
          label={t(call.isSharing.value ? "call.shareStop" : "call.share")}
          short={t("call.screen")}
          pressed={call.isSharing.value}
          onClick={() => void call.toggleScreen()}
          testId="toggle-screen"
        />
      )}
      <Control
        icon="chat"
        label={t("call.chat")}
        shortcut="Alt+C"
        badge={call.unread.value}
        testId="toggle-chat"
        {...panel("chat")}
      />
      <Control
        icon="people"
        label={t("call.people")}
        class="spare"
        shortcut="Alt+P"
        testId="toggle-people"
        {...panel("people")}
      />
      <Control icon="heart" label={t("call.room")} testId="toggle-room" {...panel("room")} />
      <Control icon="settings" label={t("call.devices")} testId="toggle-devices" {...panel("devices")} />
      <Control icon="leave" label={t("call.leave")} class="leave" onClick={() => call.leave()} testId="leave" />
    </div>
  );
}
