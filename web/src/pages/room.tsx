/** One address, three states of being there: before (lobby), in the call, and after it. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { JoinOptions } from "../../../client-sdk/src/index.ts";
import { user } from "../state/app.ts";
import { Call } from "../state/call.ts";
import { usable, watchDevices } from "../state/devices.ts";
import { stayedIn } from "../state/staying.ts";
import { CallPage } from "./call.tsx";
import { ClosedPage } from "./closed.tsx";
import { LobbyPage } from "./lobby.tsx";

type Media = Pick<JoinOptions, "audio" | "video" | "path">;

/** For the console and for tests in a real browser: the call of this page. */
declare global {
  var hearsayCall: Call | undefined;
}

function begin(slug: string, media: Media): Call {
  const call = new Call(slug);
  globalThis.hearsayCall = call;
  void call.enter(media);
  return call;
}

/** After a refresh: the call again, without asking. */
function returned(slug: string): Call | undefined {
  const stayed = stayedIn(slug);
  if (stayed === undefined || user.value === null || user.value === undefined) return undefined;
  return begin(slug, {
    audio: { ...usable("audioinput"), muted: !stayed.microphone },
    video: { ...usable("videoinput"), muted: !stayed.camera },
  });
}

export function RoomPage({ slug }: { readonly slug: string }) {
  const call = useSignal<Call | undefined>(useMemo(() => returned(slug), [slug]));
  const rejoin = useSignal(0);
  useEffect(watchDevices, []);
  useEffect(() => () => call.value?.close(), [call]);

  const enter = (media: Media): void => {
    call.value?.close();
    call.value = begin(slug, media);
  };
  const again = (): void => {
    call.value?.close();
    call.value = undefined;
    rejoin.value += 1;
  };

  const active = call.value;
  if (active === undefined) return <LobbyPage slug={slug} onEnter={enter} key={rejoin.value} />;
  return <Entered call={active} onAgain={again} />;
}

function Entered({ call, onAgain }: { readonly call: Call; readonly onAgain: () => void }) {
  const closed = useMemo(() => call.phase, [call]);
  if (closed.value === "closed") return <ClosedPage call={call} onAgain={onAgain} />;
  return <CallPage call={call} />;
}
