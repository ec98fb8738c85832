/** How the connection is, when there is something to say about it. */
import type { Call } from "../state/call.ts";
import { t } from "../state/i18n.ts";

interface Banner {
  readonly text: string;
  readonly tone: "wait" | "bad" | "good";
  readonly state: string;
}

function mediaBanner(call: Call): Banner | undefined {
  if (call.refused.value !== undefined)
    return { text: t("banner.refused", { code: call.refused.value }), tone: "bad", state: "refused" };
  const media = call.media.value;
  if (media === "connected") return undefined;
  if (media === "connecting") return { text: t("banner.media"), tone: "wait", state: "media" };
  return { text: t("banner.mediaLost"), tone: "bad", state: "mediaLost" };
}

function bannerOf(call: Call): Banner | undefined {
  if (call.phase.value === "entering") return { text: t("banner.connecting"), tone: "wait", state: "connecting" };
  if (call.connection.value === "reconnecting")
    return call.online.value
      ? { text: t("banner.reconnecting"), tone: "bad", state: "reconnecting" }
      : { text: t("banner.offline"), tone: "bad", state: "offline" };
  const moved = call.moved.value;
  if (moved !== undefined && call.media.value === "connected")
    return { text: t("banner.moved", moved), tone: "good", state: "moved" };
  return mediaBanner(call);
}

export function ConnectionBanner({ call }: { readonly call: Call }) {
  const banner = bannerOf(call);
  return (
    <div class="banner-place" role="status">
      {banner !== undefined && (
        <p class={`banner ${banner.tone}`} data-testid="banner" data-state={banner.state}>
          {banner.tone !== "good" && <span class="spinner" aria-hidden="true" />}
          {banner.text}
        </p>
      )}
    </div>
  );
}
