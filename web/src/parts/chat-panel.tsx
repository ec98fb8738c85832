/** What is written in the room: the timeline, one thread of it, or what a search found. */
import { useLayoutEffect, useRef } from "preact/hooks";
import type { ChatMessage, PendingMessage } from "../../../client-sdk/src/index.ts";
import type { Call } from "../state/call.ts";
import { type ChatState, typingText } from "../state/chat.ts";
import { locale, maybe, t } from "../state/i18n.ts";
import { dayOf, sameDay, startsGroup } from "../state/text.ts";
import { Composer } from "./composer.tsx";
import { Icon } from "./icons.tsx";
import { Message, Text } from "./message.tsx";
import { Panel } from "./panel.tsx";

/** Nearer to the end than this, the log follows new messages. */
const NEAR_END_PX = 80;

function OnItsWay({ chat, pending }: { readonly chat: ChatState; readonly pending: PendingMessage }) {
  const { code, clientId } = pending;
  return (
    <li class={`message own first ${pending.state}`} data-testid="message-pending">
      <div class="said">
        <div class="bubble">
          <Text text={pending.text} />
          {pending.state === "sending" ? (
            <p class="by">{t("chat.sending")}</p>
          ) : (
            <p class="by error" role="alert">
              {t("chat.failed", { reason: maybe(`error.${code}`) ?? code ?? "" })}{" "}
              <button type="button" class="link" onClick={() => void chat.retry(clientId)}>
                {t("chat.retry")}
              </button>{" "}
              <button type="button" class="link" onClick={() => chat.discard(clientId)}>
                {t("chat.discard")}
              </button>
            </p>
          )}
        </div>
      </div>
    </li>
  );
}

function Day({ ms }: { readonly ms: number }) {
  const words = { locale: locale.value, today: t("chat.today"), yesterday: t("chat.yesterday") };
  return (
    <li class="day">
      <span>{dayOf(ms, Date.now(), words)}</span>
    </li>
  );
}

interface LogProps {
  readonly chat: ChatState;
  readonly messages: readonly ChatMessage[];
  readonly pending: readonly PendingMessage[];
  readonly canModerate: boolean;
}

function Log({ chat, messages, pending, canModerate }: LogProps) {
  return (
    <ol class="messages" aria-label={t("chat.log")}>
      {messages.map((message, index) => {
        const before = messages[index - 1];
        return (
          <>
            {(before === undefined || !sameDay(before.sentAtMs, message.sentAtMs)) && (
              <Day ms={message.sentAtMs} key={`day ${message.id}`} />
            )}
            <Message
              key={message.id}
              chat={chat}
              message={message}
              isFirst={startsGroup(before, message) || message.replyTo !== undefined}
              canModerate={canModerate}
            />
          </>
        );
      })}
      {pending.map((item) => (
        <OnItsWay key={item.clientId} chat={chat} pending={item} />
      ))}
    </ol>
  );
}

function SearchBar({ chat }: { readonly chat: ChatState }) {
  return (
    <search class="search-bar">
      <input
        type="search"
        value={chat.searching.value ?? ""}
        placeholder={t("chat.search")}
        aria-label={t("chat.search")}
        data-testid="chat-search"
        onInput={(event) => chat.search(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || chat.searching.value === undefined) return;
          event.stopPropagation();
          chat.stopSearch();
        }}
      />
    </search>
  );
}

function Found({ chat, found }: { readonly chat: ChatState; readonly found: readonly ChatMessage[] }) {
  return (
    <div class="scroller" aria-live="polite" data-testid="chat-found">
      {found.length === 0 && <p class="empty">{t("chat.foundNothing")}</p>}
      <ul class="found">
        {found.map((message) => (
          <li key={message.id}>
            <button type="button" onClick={() => void chat.jumpTo(message)}>
              <strong>{message.authorName}</strong>
              <small>{new Date(message.sentAtMs).toLocaleDateString(locale.value)}</small>
              <span>{message.text}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Timeline({ call, chat }: { readonly call: Call; readonly chat: ChatState }) {
  const thread = chat.thread.value;
  const messages = thread?.messages ?? chat.stored.value.filter(({ threadId }) => threadId === undefined);
  const pending = chat.pending.value.filter(({ threadId }) => threadId === thread?.openerId);
  const scroller = useRef<HTMLDivElement>(null);
  const isNearEnd = useRef(true);
  // Follows what is newest, unless the person reads further up, or asked for one message.
  useLayoutEffect(() => {
    const element = scroller.current;
    const marked = element?.querySelector(".marked");
    if (marked !== null && marked !== undefined && !isNearEnd.current) return;
    if (marked !== null && marked !== undefined) marked.scrollIntoView({ block: "center" });
    else if (element !== null && isNearEnd.current) element.scrollTop = element.scrollHeight;
    if (isNearEnd.current && !chat.hasNewer.value) void chat.markRead();
  });
  const scrolled = (): void => {
    const element = scroller.current;
    if (element !== null)
      isNearEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
  };
  return (
    <div class="scroller" ref={scroller} onScroll={scrolled}>
      {(thread === undefined ? chat.hasOlder.value : thread.older !== undefined) && (
        <button
          type="button"
          class="button quiet small earlier"
          onClick={() => {
            isNearEnd.current = false;
            void (thread === undefined ? chat.load() : chat.loadThread("older"));
          }}
          data-testid="chat-earlier"
        >
          {t("chat.earlier")}
        </button>
      )}
      {messages.length + pending.length === 0 && <p class="empty">{t("chat.empty")}</p>}
      <Log chat={chat} messages={messages} pending={pending} canModerate={call.canModerate.value} />
      {thread?.newer !== undefined && (
        <button
          type="button"
          class="button quiet small earlier"
          onClick={() => void chat.loadThread("newer")}
          data-testid="thread-later"
        >
          {t("chat.later")}
        </button>
      )}
      {thread === undefined && chat.hasNewer.value && (
        <div class="row center later">
          <button type="button" class="button quiet small" onClick={() => void chat.loadNewer()}>
            {t("chat.later")}
          </button>
          <button type="button" class="button small" onClick={() => void chat.toNewest()} data-testid="chat-newest">
            {t("chat.toNewest")}
          </button>
        </div>
      )}
    </div>
  );
}

function MovingBar({ chat }: { readonly chat: ChatState }) {
  return (
    <div class="draft" role="status" data-testid="moving">
      <span>
        <strong>{t("chat.moving")}</strong>
        <small>{chat.moving.value?.text}</small>
      </span>
      <button
        type="button"
        class="ghost icon-only"
        aria-label={t("chat.cancel")}
        onClick={() => {
          chat.moving.value = undefined;
        }}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

export function ChatPanel({ call }: { readonly call: Call }) {
  const { chat } = call;
  const found = chat.found.value;
  const isThread = chat.thread.value !== undefined;
  return (
    <Panel
      title={t(isThread ? "chat.thread" : "chat.title")}
      closeLabel={t("chat.close")}
      onClose={() => call.show("chat")}
      testId="chat"
    >
      <div class="chat-body">
        {isThread ? (
          <button type="button" class="ghost thread-back" onClick={() => chat.closeThread()} data-testid="thread-back">
            <Icon name="back" />
            {t("chat.backToAll")}
          </button>
        ) : (
          <SearchBar chat={chat} />
        )}
        {found === undefined ? <Timeline call={call} chat={chat} /> : <Found chat={chat} found={found} />}
        {chat.moving.value !== undefined && <MovingBar chat={chat} />}
        {chat.error.value !== undefined && (
          <p class="form-error" role="alert">
            {chat.error.value}
          </p>
        )}
        <p class="typing" aria-live="polite" data-testid="typing">
          {typingText(chat.typing.value, chat.thread.value?.openerId)}
        </p>
      </div>
      <Composer chat={chat} slug={() => call.address.value} />
    </Panel>
  );
}
