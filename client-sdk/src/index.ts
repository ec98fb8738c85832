/** The public door of the SDK. */
export type { Account } from "./account.ts";
export type { Bills } from "./bills.ts";
export type { Chat, ChatEvents, SendOptions } from "./chat.ts";
export { Hearsay, type JoinOptions } from "./client.ts";
export {
  type DeviceChoice,
  listDevices,
  openDevice,
  openPreview,
  openScreen,
  type Preview,
  type ScreenChoice,
} from "./devices.ts";
export type { MeasuredRtt } from "./echo.ts";
export { type ClientErrorCode, codeOf, HearsayError, isTransient } from "./errors.ts";
export { Emitter, type Listener } from "./events.ts";
export type { HappeningQuery, Happenings } from "./happenings.ts";
export type { UploadOptions } from "./http.ts";
export type { Interrupted } from "./interruptions.ts";
export type { LocalParticipant, LocalTrack, PublishOptions } from "./local-participant.ts";
export type { AddFileOptions, Memories } from "./memories.ts";
export type { HearsayOptions } from "./options.ts";
export type { PendingMessage } from "./outbox.ts";
export type { Path } from "./placement.ts";
export type * from "./protocol/messages.ts";
export { PROTOCOL_VERSION } from "./protocol/messages.ts";
export type { Quality } from "./quality.ts";
export type { RemoteTrack } from "./remote-track.ts";
export type { Room } from "./room.ts";
export type { SendDataOptions } from "./room-media.ts";
export type { DataMessage, RoomEvents, Speaker } from "./room-types.ts";
export type { Invites, Rooms } from "./rooms.ts";
export type { RemoteParticipant } from "./roster.ts";
export type { VideoCodec } from "./send-layers.ts";
export type { ConnectionState } from "./session-types.ts";
export type { HistoryQuery, SearchQuery, TextApi } from "./text-api.ts";
export type { TypingPerson } from "./typing.ts";
export type { UnreadCount } from "./unread.ts";
export type { Visible } from "./view.ts";
