/** What is written in the room: history, new messages, and what is on its way. */
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { ChatMessage } from "../../../client-sdk/src/index.ts";
import { user } from "../state/app.ts";
import type { Call } from "../state/call.ts";
import { locale, t } from "../state/i18n.ts";
import type { Pending } from "../state/messages.ts";
import { dayOf, isOnlyEmoji, piecesOf, sameDay, startsGroup, timeOf } from "../state/text.ts";
import { Avatar } from "./avatar.tsx";
import { Icon } from "./icons.tsx";
import { Panel } from "./panel.tsx";

const MAX_LENGTH = 4_000;
/** Nearer to the end than this, the log follows new messages. */
const NEAR_END_PX = 80;

function Text({ text }: { readonly text: string }) {
  return (
    <p class={isOnlyEmoji(text) ? "text emoji" : "text"}>
      {piecesOf(text).map((piece, index) =>
        piece.kind === "text" ? (
          piece.text
        ) : (
          <a key={`${index} ${piece.href}`} href={piece.href} target="_blank" rel="noreferrer noopener">
            {piece.text}
          </a>
        ),
      )}
    </p>
  );
}

function Message({ message, before }: { readonly message: ChatMessage; readonly before: ChatMessage | undefined }) {
  const isOwn = message.authorId === user.value?.userId;
  const isFirst = startsGroup(before, message);
  const isNewDay = before === undefined || !sameDay(before.sentAtMs, message.sentAtMs);
  const words = { locale: locale.value, today: t("chat.today"), yesterday: t("chat.yesterday") };
  return (
    <>
      {isNewDay && (
        <li class="day">
          <span>{dayOf(message.sentAtMs, Date.now(), words)}</span>
        </li>
      )}
      <li class={`message${isOwn ? " own" : ""}${isFirst ? " first" : ""}`} data-testid="message">
        {isFirst && !isOwn && <Avatar id={message.authorId} name={message.authorName} />}
        <div class="bubble">
          {isFirst && (
            <p class="by">
              <strong>{isOwn ? t("call.you") : message.authorName}</strong>
              <time dateTime={new Date(message.sentAtMs).toISOString()}>{timeOf(message.sentAtMs, locale.value)}</time>
            </p>
          )}
          <Text text={message.text} />
        </div>
      </li>
    </>
  );
}

function OnItsWay({ pending, onRetry }: { readonly pending: Pending; readonly onRetry: () => void }) {
  return (
    <li class={`message own first ${pending.state}`} data-testid="message-pending">
      <div class="bubble">
        <Text text={pending.text} />
        {pending.state === "sending" ? (
          <p class="by">{t("chat.sending")}</p>
        ) : (
          <p class="by error" role="alert">
            {t("chat.failed", { reason: pending.reason ?? "" })}{" "}
            <button type="button" class="link" onClick={onRetry}>
              {t("chat.retry")}
            </button>
          </p>
        )}
      </div>
    </li>
  );
}

function Composer({ call }: { readonly call: Call }) {
  const text = useSignal("");
  const input = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    // On a touch screen the keyboard would cover what one came to read.
    if (matchMedia("(pointer: fine)").matches) input.current?.focus();
  }, []);
  const send = (): void => {
    const trimmed = text.value.trim();
    if (trimmed === "") return;
    text.value = "";
    void call.send(trimmed);
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
        input.current?.focus();
      }}
    >
      <textarea
        ref={input}
        rows={1}
        value={text.value}
        maxLength={MAX_LENGTH}
        placeholder={t("chat.placeholder")}
        aria-label={t("chat.label")}
        enterkeyhint="send"
        data-testid="chat-input"
        onInput={(event) => {
          text.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
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
    </form>
  );
}

export function ChatPanel({ call }: { readonly call: Call }) {
  const { stored, pending } = call.log.value;
  const scroller = useRef<HTMLDivElement>(null);
  const isNearEnd = useRef(true);
  // Follows what is newest, unless the person reads further up.
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element !== null && isNearEnd.current) element.scrollTop = element.scrollHeight;
  }, [stored, pending]);
  const scrolled = (): void => {
    const element = scroller.current;
    if (element !== null)
      isNearEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
  };
  const retry = ({ text, clientId }: Pending): void => void call.send(text, clientId);
  return (
    <Panel title={t("chat.title")} closeLabel={t("chat.close")} onClose={() => call.show("chat")} testId="chat">
      <div class="scroller" ref={scroller} onScroll={scrolled}>
        {call.hasEarlier.value && (
          <button
            type="button"
            class="button quiet small earlier"
            onClick={() => void call.loadEarlier()}
            data-testid="chat-earlier"
          >
            {t("chat.earlier")}
          </button>
        )}
        {stored.length + pending.length === 0 && <p class="empty">{t("chat.empty")}</p>}
        <ol class="messages" aria-label={t("chat.log")}>
          {stored.map((message, index) => (
            <Message key={message.id} message={message} before={stored[index - 1]} />
          ))}
          {pending.map((item) => (
            <OnItsWay key={item.clientId} pending={item} onRetry={() => retry(item)} />
          ))}
        </ol>
      </div>
      <Composer call={call} />
    </Panel>
  );
}
