/** What a message said before it was edited. */
import { useSignal } from "@preact/signals";
import type { ChatMessage } from "../../../client-sdk/src/index.ts";
import { messageOf } from "../state/app.ts";
import type { ChatState, Revision } from "../state/chat.ts";
import { locale, t } from "../state/i18n.ts";
import { FormError } from "./field.tsx";

export function Edited({ chat, message }: { readonly chat: ChatState; readonly message: ChatMessage }) {
  const revisions = useSignal<readonly Revision[] | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const isOpen = useSignal(false);
  const toggle = async (): Promise<void> => {
    isOpen.value = !isOpen.value;
    if (!isOpen.value) return;
    try {
      revisions.value = await chat.revisions(message);
      error.value = undefined;
    } catch (thrown) {
      error.value = messageOf(thrown);
    }
  };
  const when = new Intl.DateTimeFormat(locale.value, { dateStyle: "medium", timeStyle: "short" });
  return (
    <>
      <button
        type="button"
        class="link edited"
        aria-expanded={isOpen.value}
        aria-label={t("chat.editedShow")}
        onClick={() => void toggle()}
        data-testid="message-edited"
      >
        {t("chat.edited")}
      </button>
      {isOpen.value && (
        <section class="revisions" aria-label={t("chat.revisions")} aria-live="polite" data-testid="message-revisions">
          <FormError text={error.value} />
          {revisions.value === undefined && error.value === undefined && <span class="skeleton" />}
          <ol>
            {revisions.value?.map(({ text, writtenAtMs }) => (
              <li key={writtenAtMs}>
                <time dateTime={new Date(writtenAtMs).toISOString()}>{when.format(writtenAtMs)}</time>
                <p>{text}</p>
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  );
}
