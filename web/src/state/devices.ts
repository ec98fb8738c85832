/** The devices of this machine and which of them the person prefers. */
import { signal } from "@preact/signals";
import { listDevices } from "../../../client-sdk/src/index.ts";

export type DeviceKind = "audioinput" | "videoinput" | "audiooutput";

export const devices = signal<readonly MediaDeviceInfo[]>([]);

export async function refreshDevices(): Promise<void> {
  devices.value = await listDevices(navigator.mediaDevices);
}

export function watchDevices(): () => void {
  const changed = (): void => void refreshDevices();
  navigator.mediaDevices?.addEventListener?.("devicechange", changed);
  void refreshDevices();
  return () => navigator.mediaDevices?.removeEventListener?.("devicechange", changed);
}

const keyOf = (kind: DeviceKind): string => `hearsay.${kind}`;

export function preferred(kind: DeviceKind): string | undefined {
  return localStorage.getItem(keyOf(kind)) ?? undefined;
}

/** The preferred device if it is there; otherwise the system's choice. */
export function usable(kind: DeviceKind): { readonly deviceId?: string } {
  const deviceId = preferred(kind);
  const isThere = devices.value.some((device) => device.kind === kind && device.deviceId === deviceId);
  return deviceId !== undefined && isThere ? { deviceId } : {};
}

export function prefer(kind: DeviceKind, deviceId: string): void {
  localStorage.setItem(keyOf(kind), deviceId);
}
