/** The public door of the SDK. */
export type { CreateRoom } from "./api.ts";
export { Hearsay, type JoinOptions } from "./client.ts";
export { type DeviceChoice, listDevices, openDevice, openPreview, type Preview } from "./devices.ts";
export type { MeasuredRtt } from "./echo.ts";
export { type ClientErrorCode, codeOf, HearsayError, isTransient } from "./errors.ts";
export { Emitter, type Listener } from "./events.ts";
export type { LocalParticipant, LocalTrack, PublishOptions } from "./local-participant.ts";
export type { HearsayOptions } from "./options.ts";
export type { Path } from "./placement.ts";
export type * from "./protocol/messages.ts";
export { PROTOCOL_VERSION } from "./protocol/messages.ts";
export type { Quality } from "./quality.ts";
export type { RemoteTrack } from "./remote-track.ts";
export type { Room } from "./room.ts";
export type { RoomEvents, Speaker } from "./room-types.ts";
export type { RemoteParticipant } from "./roster.ts";
export type { ConnectionState } from "./session-types.ts";
export type { Visible } from "./view.ts";
