/** Where one writes: new, as an answer, or a message anew. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ChatState, Draft } from "../state/chat.ts";
import { t } from "../state/i18n.ts";
import { Icon } from "./icons.tsx";
import { useMentions } from "./mention-list.tsx";

const MAX_LENGTH = 8_000;

function DraftBar({ draft, onCancel }: { readonly draft: Draft; readonly onCancel: () => void }) {
  if (draft.kind === "new") return null;
  const about = draft.kind === "reply" ? draft.to : draft.message;
  const label = draft.kind === "edit" ? t("chat.editing") : t("chat.replyingTo", { name: about.authorName });
  return (
    <div class="draft" data-testid="draft">
      <span>
        <strong>{label}</strong>
        <small>{about.text}</small>
      </span>
      <button type="button" class="ghost icon-only" aria-label={t("chat.cancel")} onClick={onCancel}>
        <Icon name="close" />
      </button>
    </div>
  );
}

export function Composer({ chat, slug }: { readonly chat: ChatState; readonly slug: () => string }) {
  const text = useSignal("");
  const input = useRef<HTMLTextAreaElement>(null);
  const draft = chat.draft.value;
  const mentions = useMentions({ text, slug, input });
  useEffect(() => {
    // On a touch screen the keyboard would cover what one came to read.
    if (matchMedia("(pointer: fine)").matches) input.current?.focus();
  }, []);
  useEffect(() => {
    if (draft.kind === "edit") text.value = draft.message.text;
    if (draft.kind !== "new") input.current?.focus();
  }, [draft, text]);
  const cancel = (): void => {
    if (draft.kind === "edit") text.value = "";
    chat.draft.value = { kind: "new" };
    input.current?.focus();
  };
  const send = (): void => {
    const trimmed = text.value.trim();
    if (trimmed === "") return;
    text.value = "";
    mentions.close();
    chat.setTyping(false);
    void chat.write(trimmed);
  };
  return (
    <form
      class="composer-place"
      onSubmit={(event) => {
        event.preventDefault();
        send();
        input.current?.focus();
      }}
    >
      <DraftBar draft={draft} onCancel={cancel} />
      {mentions.list}
      <div class="composer">
        <textarea
          ref={input}
          rows={1}
          value={text.value}
          maxLength={MAX_LENGTH}
          placeholder={t(chat.thread.value === undefined ? "chat.placeholder" : "chat.threadPlaceholder")}
          aria-label={t("chat.label")}
          enterkeyhint="send"
          data-testid="chat-input"
          {...mentions.aria}
          onSelect={mentions.look}
          onBlur={mentions.close}
          onInput={(event) => {
            text.value = event.currentTarget.value;
            chat.setTyping(text.value !== "");
            mentions.look();
          }}
          onKeyDown={(event) => {
            if (mentions.key(event)) return;
            if (event.key === "Escape" && draft.kind !== "new") {
              event.stopPropagation();
              cancel();
            }
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button
          type="submit"
          class="round accent"
          aria-label={t("chat.send")}
          title={t("chat.send")}
          data-testid="chat-send"
        >
          <Icon name="send" />
        </button>
      </div>
    </form>
  );
}
