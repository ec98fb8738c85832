/** A link that is easy to read, easy to take along. */
import { useSignal } from "@preact/signals";
import { t } from "../state/i18n.ts";
import { roomLink } from "../state/slug.ts";
import { Icon } from "./icons.tsx";

const COPIED_MS = 2_000;

export function CopyLink({ slug }: { readonly slug: string }) {
  const copied = useSignal(false);
  const link = roomLink(location.origin, slug);
  const copy = async (): Promise<void> => {
    // Without https there is no clipboard; the text stays selectable.
    await navigator.clipboard?.writeText(link);
    copied.value = true;
    setTimeout(() => {
      copied.value = false;
    }, COPIED_MS);
  };
  return (
    <div class="copy-link">
      <code data-testid="room-link">{link}</code>
      <button
        type="button"
        class="button small"
        onClick={() => void copy().catch(() => undefined)}
        data-testid="copy-link"
      >
        <Icon name={copied.value ? "check" : "copy"} />
        <span aria-live="polite">{copied.value ? t("copy.copied") : t("copy.copy")}</span>
      </button>
    </div>
  );
}
