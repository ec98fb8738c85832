/** What passes between the main thread and a media worker: control only, never a packet. */
import type { MediaEvent, MediaPlane, NegotiateErrorCode } from "./control.ts";
import type { MediaHostOptions } from "./media-host.ts";
import type { LogLevel } from "./media-log.ts";

type Calls = Omit<MediaPlane, "onEvent" | "isUp">;
export type CallName = keyof Calls;
export type CallInput<K extends CallName> = Parameters<Calls[K]>[0];
export type CallResult<K extends CallName> = Awaited<ReturnType<Calls[K]>>;

/** A call of MediaPlane. `id` is 0 where nobody waits for an answer. */
export type ToWorker = {
  [K in CallName]: { readonly call: K; readonly id: number; readonly input: CallInput<K> };
}[CallName];

export type FromWorker =
  | { readonly kind: "reply"; readonly id: number; readonly result: unknown }
  | {
      readonly kind: "refused";
      readonly id: number;
      readonly code: NegotiateErrorCode | undefined;
      readonly detail: string;
    }
  | { readonly kind: "event"; readonly event: MediaEvent }
  | { readonly kind: "log"; readonly level: LogLevel; readonly fields: object; readonly text: string };

export interface WorkerData {
  readonly hearsayMedia: MediaHostOptions;
}
