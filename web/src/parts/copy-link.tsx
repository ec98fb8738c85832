/** A link that is easy to read, easy to take along. */
import { useSignal } from "@preact/signals";
import { t } from "../state/i18n.ts";
import { roomLink } from "../state/slug.ts";
import { Icon } from "./icons.tsx";

const COPIED_MS = 2_000;

export function CopyLink({ slug }: { readonly slug: string }) {
  return <CopyText text={roomLink(location.origin, slug)} testId="room-link" />;
}

export function CopyText({ text, testId }: { readonly text: string; readonly testId: string }) {
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    // Without https there is no clipboard; the text stays selectable.
    await navigator.clipboard?.writeText(text);
    copied.value = true;
    setTimeout(() => {
      copied.value = false;
    }, COPIED_MS);
  };
  return (
    <div class="copy-link">
      <code data-testid={testId}>{text}</code>
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
