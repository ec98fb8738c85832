/** One person on the stage: picture or initials, name, what is off, who speaks. */
import { useEffect, useRef } from "preact/hooks";
import type { RemoteTrack, Room } from "../../../client-sdk/src/index.ts";
import type { Person } from "../state/call.ts";
import { t } from "../state/i18n.ts";
import { Avatar } from "./avatar.tsx";
import { Icon } from "./icons.tsx";
import { OwnVideo } from "./own-video.tsx";

/** Scores up to this are worth a word. */
const WEAK = 2;

interface TileProps {
  readonly person: Person;
  readonly room: Room | undefined;
  readonly isSpeaking: boolean;
  readonly selfTrack: MediaStreamTrack | undefined;
  /** 1 to 5, as a node measured it. */
  readonly score: number | undefined;
  /** More classes, with a blank before each. */
  readonly look: string;
}

function RemoteVideo({
  track,
  room,
  personId,
  isVisible,
}: {
  readonly track: RemoteTrack;
  readonly room: Room | undefined;
  readonly personId: string;
  readonly isVisible: boolean;
}) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    return element === null ? undefined : track.attach(element);
  }, [track]);
  useEffect(() => {
    const element = video.current;
    return element === null || !isVisible ? undefined : room?.observe(element, personId, track.source);
  }, [room, personId, track, isVisible]);
  return (
    <video
      ref={video}
      class={isVisible ? "" : "unseen"}
      autoplay
      playsInline
      muted
      tabIndex={-1}
      data-testid="remote-video"
    />
  );
}

function Picture({ person, room, selfTrack }: TileProps) {
  if (person.isSelf) return selfTrack === undefined ? null : <OwnVideo track={selfTrack} label={t("lobby.preview")} />;
  const track = person.screen ?? person.camera;
  if (track === undefined) return null;
  const isVisible = !track.muted;
  return <RemoteVideo track={track} room={room} personId={person.id} isVisible={isVisible} />;
}

/** Why a picture that is sent is not seen here. */
function Unseen({ track }: { readonly track: RemoteTrack | undefined }) {
  if (track === undefined || track.muted || track.state === "live") return null;
  const why = t(track.paused ? "call.paused" : "call.unsupported");
  return (
    <p class="tile-state paused" title={why}>
      <span class="when-large">{why}</span>
      <span class="when-small">{track.paused ? t("call.pausedShort") : "✕"}</span>
    </p>
  );
}

/** What one hears of a tile, and what it looks like. */
function stateOf({ person, isSpeaking, score, selfTrack, look }: TileProps) {
  const isWeak = score !== undefined && score <= WEAK && !person.isReconnecting;
  const states = [
    ...(person.micOn ? [] : [t("call.muted")]),
    ...(isSpeaking ? [t("call.speaking")] : []),
    ...(person.isReconnecting ? [t("call.tileReconnecting")] : []),
    ...(isWeak ? [t("call.quality.poor")] : []),
  ];
  const speaking = isSpeaking && person.micOn ? " speaking" : "";
  return {
    isWeak,
    hasPicture: person.isSelf ? selfTrack !== undefined : person.cameraOn || person.screen !== undefined,
    class: `tile${speaking}${look}${person.isReconnecting ? " away" : ""}`,
    label: [person.isSelf ? t("call.youName", { name: person.name }) : person.name, ...states].join(", "),
  };
}

export function Tile(props: TileProps) {
  const { person } = props;
  const { isWeak, hasPicture, class: className, label } = stateOf(props);
  return (
    <article
      class={className}
      aria-label={label}
      data-testid={person.isSelf ? "tile-self" : "tile"}
      data-participant={person.id}
      data-muted={!person.micOn}
      data-camera={hasPicture}
    >
      {/* Seen through the video until its first frame is there. */}
      <Avatar id={person.id} name={person.name} large />
      <Picture {...props} />
      {person.isReconnecting ? (
        <p class="tile-state">{t("call.tileReconnecting")}</p>
      ) : (
        <Unseen track={person.screen ?? person.camera} />
      )}
      <p class="tile-name" aria-hidden="true">
        {!person.micOn && <Icon name="micOff" />}
        {isWeak && <Icon name="weak" />}
        <span>{person.isSelf ? t("call.you") : person.name}</span>
      </p>
    </article>
  );
}
