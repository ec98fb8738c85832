/** Why the call is over, or did not begin, and what one can do now. */
import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../parts/icons.tsx";
import { TopBar } from "../parts/top-bar.tsx";
import type { Call } from "../state/call.ts";
import { type Key, t } from "../state/i18n.ts";

interface Ending {
  readonly icon: IconName;
  readonly title: Key;
  readonly text: Key;
  readonly again: Key;
  readonly tone: "calm" | "bad";
}

const FAILED: Ending = {
  icon: "alert",
  title: "closed.failed",
  text: "closed.failedText",
  again: "closed.retry",
  tone: "bad",
};
const NETWORK: Ending = {
  icon: "mesh",
  title: "closed.network",
  text: "closed.networkText",
  again: "closed.retry",
  tone: "bad",
};
const ENDINGS: Readonly<Record<string, Ending>> = {
  left: { icon: "door", title: "closed.left", text: "closed.leftText", again: "closed.back", tone: "calm" },
  room_full: { icon: "people", title: "closed.full", text: "closed.fullText", again: "closed.retry", tone: "calm" },
  removed: { icon: "door", title: "closed.removed", text: "closed.removedText", again: "closed.retry", tone: "bad" },
  deleted: { icon: "door", title: "closed.deleted", text: "closed.deletedText", again: "closed.retry", tone: "calm" },
  room_locked: { icon: "lock", title: "closed.locked", text: "closed.lockedText", again: "closed.retry", tone: "calm" },
  superseded: {
    icon: "copy",
    title: "closed.superseded",
    text: "closed.supersededText",
    again: "closed.here",
    tone: "calm",
  },
  not_member: {
    icon: "door",
    title: "closed.members",
    text: "closed.membersText",
    again: "closed.retry",
    tone: "calm",
  },
  network: NETWORK,
  timeout: NETWORK,
  no_node: NETWORK,
};

export function ClosedPage({ call, onAgain }: { readonly call: Call; readonly onAgain: () => void }) {
  const code = call.closedCode.value;
  const ending = ENDINGS[code] ?? FAILED;
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  return (
    <>
      <TopBar here="room" />
      <main class="notice" data-testid="closed" data-code={code}>
        <Icon name={ending.icon} class={`notice-icon ${ending.tone}`} />
        <h1 tabIndex={-1} ref={title}>
          {t(ending.title, { title: call.title.value === "" ? call.slug : call.title.value })}
        </h1>
        <p>{t(ending.text, { code })}</p>
        <div class="row center">
          {code !== "deleted" && (
            <button type="button" class="button primary" onClick={onAgain} data-testid="closed-again">
              {t(ending.again)}
            </button>
          )}
          <a class="button quiet" href="/">
            {t("closed.home")}
          </a>
        </div>
      </main>
    </>
  );
}
