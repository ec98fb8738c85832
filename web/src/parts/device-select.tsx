/** One kind of device to choose from. */
import { useId } from "preact/hooks";
import { type DeviceKind, devices, preferred } from "../state/devices.ts";
import { type Key, t } from "../state/i18n.ts";

const LABELS: Readonly<Record<DeviceKind, Key>> = {
  audioinput: "device.microphone",
  videoinput: "device.camera",
  audiooutput: "device.speaker",
};

interface Props {
  readonly kind: DeviceKind;
  readonly onChoose: (deviceId: string) => void;
}

/** Nothing where there is no choice to make. */
export function DeviceSelect({ kind, onChoose }: Props) {
  const id = useId();
  const choices = devices.value.filter((device) => device.kind === kind);
  if (choices.length === 0) return null;
  return (
    <div class="field device">
      <label for={id}>{t(LABELS[kind])}</label>
      <select
        id={id}
        value={preferred(kind) ?? choices[0]?.deviceId}
        data-testid={`device-${kind}`}
        onChange={(event) => onChoose(event.currentTarget.value)}
      >
        {choices.map((device, index) => (
          <option value={device.deviceId} key={device.deviceId}>
            {device.label === "" ? `${t(LABELS[kind])} ${index + 1}` : device.label}
          </option>
        ))}
      </select>
    </div>
  );
}
