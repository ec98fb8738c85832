/** What the API answers, as classes, so that the OpenAPI document is made from the same kind of thing as the requests. */
import "reflect-metadata";
import { Type } from "class-transformer";
import { IsArray, IsBoolean, IsIn, IsInt, IsNumber, IsString, ValidateNested } from "class-validator";
import type * as Protocol from "#protocol";
import { MayBeAbsent } from "./optional.dto.ts";

const ROLES = ["owner", "moderator", "member", "guest"];

export class UserInfo implements Protocol.UserInfo {
  @IsString() userId!: string;
  @MayBeAbsent() @IsString() handle?: string;
  @IsString() displayName!: string;
  @IsBoolean() guest!: boolean;
  @MayBeAbsent() @IsString() pictureId?: string;
}
export class Credentials implements Protocol.Credentials {
  @ValidateNested() @Type(() => UserInfo) user!: UserInfo;
  @IsString() token!: string;
}
export class SessionCredentials implements Protocol.SessionCredentials {
  @IsString() sessionId!: string;
  @IsString() token!: string;
  @IsInt() expiresAtMs!: number;
}
export class RoomInfo implements Protocol.RoomInfo {
  @IsString() roomId!: string;
  @IsString() slug!: string;
  @IsString() title!: string;
  @IsIn(["open", "invite"]) access!: "open" | "invite";
  @IsInt() capacity!: number;
  @IsInt() occupants!: number;
  @IsInt() createdAtMs!: number;
  @MayBeAbsent() @IsIn(ROLES) role?: Protocol.Role;
  @MayBeAbsent() @IsBoolean() locked?: boolean;
  @MayBeAbsent() @IsString() description?: string;
  @MayBeAbsent() @IsString() pictureId?: string;
  @MayBeAbsent() @IsInt() version?: number;
  @MayBeAbsent() @IsInt() unread?: number;
  @MayBeAbsent() @IsInt() unreadMentions?: number;
  @MayBeAbsent() @IsString() readUpTo?: string;
  @MayBeAbsent() @IsString() newestMessageId?: string;
}
export class RoomsResponse implements Protocol.RoomsResponse {
  @ValidateNested({ each: true }) @Type(() => RoomInfo) @IsArray() rooms!: RoomInfo[];
  @MayBeAbsent() @IsString() nextCursor?: string;
}
export class MemberInfo implements Protocol.MemberInfo {
  @IsString() userId!: string;
  @IsIn(ROLES) role!: Protocol.Role;
  @IsString() displayName!: string;
  @IsInt() addedAtMs!: number;
  @MayBeAbsent() @IsString() handle?: string;
  @MayBeAbsent() @IsString() pictureId?: string;
}
export class MembersResponse implements Protocol.MembersResponse {
  @ValidateNested({ each: true }) @Type(() => MemberInfo) @IsArray() members!: MemberInfo[];
  @MayBeAbsent() @IsString() nextCursor?: string;
}
export class InviteInfo implements Protocol.InviteInfo {
  @IsString() inviteId!: string;
  @IsIn(ROLES) role!: Protocol.Role;
  @IsInt() uses!: number;
  @IsString() createdBy!: string;
  @IsInt() createdAtMs!: number;
  @MayBeAbsent() @IsInt() maxUses?: number;
  @MayBeAbsent() @IsInt() expiresAtMs?: number;
  @MayBeAbsent() @IsString() code?: string;
}
export class InvitesResponse implements Protocol.InvitesResponse {
  @ValidateNested({ each: true }) @Type(() => InviteInfo) @IsArray() invites!: InviteInfo[];
  @MayBeAbsent() @IsString() nextCursor?: string;
}
export class InvitePreview implements Protocol.InvitePreview {
  @ValidateNested() @Type(() => RoomInfo) room!: RoomInfo;
  @IsIn(ROLES) role!: Protocol.Role;
  @MayBeAbsent() @IsInt() expiresAtMs?: number;
}
export class AcceptedInvite implements Protocol.AcceptedInvite {
  @ValidateNested() @Type(() => RoomInfo) room!: RoomInfo;
  @MayBeAbsent() @ValidateNested() @Type(() => Credentials) credentials?: Credentials;
}
export class JoinTicket implements Protocol.JoinTicket {
  @IsString() token!: string;
  @IsInt() expiresAtMs!: number;
  @ValidateNested() @Type(() => RoomInfo) room!: RoomInfo;
}
export class NodeInfo implements Protocol.NodeInfo {
  @IsString() name!: string;
  @IsString() url!: string;
  @IsString() region!: string;
  @IsBoolean() draining!: boolean;
}
export class NodesResponse implements Protocol.NodesResponse {
  @ValidateNested({ each: true }) @Type(() => NodeInfo) @IsArray() nodes!: NodeInfo[];
  @IsString() self!: string;
}
export class PlaceCandidate implements Protocol.PlaceCandidate {
  @ValidateNested() @Type(() => NodeInfo) node!: NodeInfo;
  @MayBeAbsent() @IsNumber() rttMs?: number;
  @MayBeAbsent() @IsNumber() worstMs?: number;
  @MayBeAbsent() @IsNumber() meanMs?: number;
}
export class PlaceResponse implements Protocol.PlaceResponse {
  @ValidateNested() @Type(() => PlaceCandidate) chosen!: PlaceCandidate;
  @ValidateNested({ each: true }) @Type(() => PlaceCandidate) @IsArray() alternatives!: PlaceCandidate[];
  @IsString() why!: string;
}
export class MeshNode extends NodeInfo implements Protocol.MeshNode {
  @IsIn(["alive", "suspect", "leaving", "left", "failed"]) status!: Protocol.MeshNode["status"];
  @MayBeAbsent() @IsString() version?: string;
  @MayBeAbsent() @IsInt() rooms?: number;
  @MayBeAbsent() @IsInt() people?: number;
  @MayBeAbsent() @IsNumber() quality?: number;
}
export class MeshRtt implements Protocol.MeshRtt {
  @IsString() from!: string;
  @IsString() to!: string;
  @IsNumber() rttMs!: number;
  @IsBoolean() measured!: boolean;
}
export class MeshTrunk implements Protocol.MeshTrunk {
  @IsString() from!: string;
  @IsString() to!: string;
  @IsIn(["connecting", "connected", "silent", "gone"]) state!: Protocol.MeshTrunk["state"];
  @IsInt() egressStreams!: number;
  @IsInt() ingressStreams!: number;
  @IsInt() packetsSent!: number;
  @IsInt() packetsReceived!: number;
  @IsInt() bytesSent!: number;
  @IsInt() bytesReceived!: number;
  @IsInt() packetsLost!: number;
  @IsInt() packetsRepaired!: number;
  @MayBeAbsent() @IsNumber() rttMs?: number;
  @MayBeAbsent() @IsNumber() jitterMs?: number;
  @MayBeAbsent() @IsBoolean() audioDuplicated?: boolean;
}
export class MeshResponse implements Protocol.MeshResponse {
  @IsString() self!: string;
  @ValidateNested({ each: true }) @Type(() => MeshNode) @IsArray() nodes!: MeshNode[];
  @ValidateNested({ each: true }) @Type(() => MeshRtt) @IsArray() rtts!: MeshRtt[];
  @ValidateNested({ each: true }) @Type(() => MeshTrunk) @IsArray() trunks!: MeshTrunk[];
}
export class FieldError {
  @IsString() path!: string;
  @IsString() message!: string;
}
export class Problem implements Protocol.Problem {
  @IsString() type!: string;
  @IsString() title!: string;
  @IsInt() status!: number;
  @IsString() code!: string;
  @MayBeAbsent() @IsString() detail?: string;
  @MayBeAbsent() @ValidateNested({ each: true }) @Type(() => FieldError) @IsArray() errors?: FieldError[];
  @MayBeAbsent() @IsString() movedTo?: string;
}
