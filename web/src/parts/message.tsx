/** One message: who, when, what, what it answers, reactions, and what one can do with it. */
import type { ChatMessage } from "../../../client-sdk/src/index.ts";
import { user } from "../state/app.ts";
import { type ChatState, QUICK_REACTIONS } from "../state/chat.ts";
import { locale, t } from "../state/i18n.ts";
import { isOnlyEmoji, piecesOf, timeOf } from "../state/text.ts";
import { Avatar } from "./avatar.tsx";
import { Edited } from "./history.tsx";
import { Icon } from "./icons.tsx";

export function Text({ text, mentions = false }: { readonly text: string; readonly mentions?: boolean }) {
  return (
    <p class={isOnlyEmoji(text) ? "text emoji" : "text"}>
      {piecesOf(text, { mentions }).map((piece, index) => {
        if (piece.kind === "text") return piece.text;
        if (piece.kind === "mention")
          return (
            <span class="mention" key={`${index} ${piece.text}`}>
              {piece.text}
            </span>
          );
        return (
          <a key={`${index} ${piece.href}`} href={piece.href} target="_blank" rel="noreferrer noopener">
            {piece.text}
          </a>
        );
      })}
    </p>
  );
}

interface Props {
  readonly chat: ChatState;
  readonly message: ChatMessage;
}

/** An own `<details>`: opens with Enter or Space, closes with a choice or Escape. */
function Actions({ chat, message, canModerate }: Props & { readonly canModerate: boolean }) {
  const isOwn = message.authorId === user.value?.userId;
  const close = (target: EventTarget | null): void => {
    if (target instanceof Element) target.closest("details")?.removeAttribute("open");
  };
  const act = (work: () => void) => (event: Event) => {
    close(event.currentTarget);
    work();
  };
  return (
    <details
      class="actions"
      onToggle={({ currentTarget }) => {
        // At the end of the list there is no room below.
        if (currentTarget.open) currentTarget.querySelector(".menu")?.scrollIntoView({ block: "nearest" });
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !event.currentTarget.open) return;
        event.stopPropagation();
        close(event.currentTarget);
      }}
    >
      <summary aria-label={t("chat.actions")} data-testid="message-actions">
        ⋯
      </summary>
      <div class="menu">
        <div class="row quick">
          {QUICK_REACTIONS.map((kind) => (
            <button
              type="button"
              key={kind}
              aria-label={t("chat.reactWith", { kind })}
              onClick={act(() => void chat.toggleReaction(message, kind))}
              data-testid="react"
            >
              {kind}
            </button>
          ))}
        </div>
        <button
          type="button"
          onClick={act(() => {
            chat.draft.value = { kind: "reply", to: message };
          })}
          data-testid="message-reply"
        >
          {t("chat.reply")}
        </button>
        {chat.thread.value === undefined && (
          <button type="button" onClick={act(() => void chat.openThread(message.id))} data-testid="message-thread">
            {t("chat.thread")}
          </button>
        )}
        {isOwn && (
          <button
            type="button"
            onClick={act(() => {
              chat.draft.value = { kind: "edit", message };
            })}
            data-testid="message-edit"
          >
            {t("chat.edit")}
          </button>
        )}
        {(isOwn || canModerate) && <Moving chat={chat} message={message} act={act} />}
        {(isOwn || canModerate) && (
          <button type="button" class="bad" onClick={act(() => void chat.remove(message))} data-testid="message-delete">
            {t("chat.delete")}
          </button>
        )}
      </div>
    </details>
  );
}

/** Into the thread of another message, or out of the one it stands in. */
function Moving({ chat, message, act }: Props & { readonly act: (work: () => void) => (event: Event) => void }) {
  const thread = chat.thread.value;
  if (thread?.openerId === message.id) return null;
  if (message.threadId !== undefined)
    return (
      <button type="button" onClick={act(() => void chat.move(message, null))} data-testid="message-unthread">
        {t("chat.moveOut")}
      </button>
    );
  if ((message.threadSize ?? 0) > 0) return null;
  return (
    <button
      type="button"
      onClick={act(() => {
        chat.moving.value = message;
      })}
      data-testid="message-move"
    >
      {t("chat.move")}
    </button>
  );
}

/** While a message is to be moved, every other one offers its thread. */
function MoveHere({ chat, message }: Props) {
  const moving = chat.moving.value;
  if (moving === undefined || moving.id === message.id) return null;
  return (
    <button
      type="button"
      class="button small move-here"
      onClick={() => void chat.move(moving, message)}
      data-testid="message-move-here"
    >
      <Icon name="move" />
      {t("chat.moveHere")}
    </button>
  );
}

function Reactions({ chat, message }: Props) {
  if (message.reactions === undefined || message.reactions.length === 0) return null;
  return (
    <div class="reactions">
      {message.reactions.map(({ kind, count, mine }) => (
        <button
          type="button"
          class="reaction"
          key={kind}
          aria-pressed={mine === true}
          aria-label={t("chat.reactionCount", { kind, count })}
          onClick={() => void chat.toggleReaction(message, kind)}
          data-testid="reaction"
        >
          {kind} {count}
        </button>
      ))}
    </div>
  );
}

function Answered({ chat, id }: { readonly chat: ChatState; readonly id: string }) {
  const original = chat.find(id);
  const text = original === undefined ? t("chat.earlierMessage") : original.text || t("chat.deleted");
  return (
    <button
      type="button"
      class="answered"
      disabled={original === undefined}
      onClick={() => original !== undefined && void chat.jumpTo(original)}
    >
      <Icon name="back" />
      <span>
        {original !== undefined && <strong>{original.authorName} </strong>}
        {text}
      </span>
    </button>
  );
}

interface MessageProps extends Props {
  readonly isFirst: boolean;
  readonly canModerate: boolean;
}

function classOf({ chat, message, isFirst }: MessageProps): string {
  const userId = user.value?.userId ?? "";
  const looks = {
    "names-me": message.mentions?.includes(userId) === true,
    own: message.authorId === userId,
    first: isFirst,
    marked: chat.marked.value === message.id,
  };
  return ["message", ...Object.entries(looks).flatMap(([look, is]) => (is ? [look] : []))].join(" ");
}

function Bubble({ chat, message, isFirst, author }: Omit<MessageProps, "canModerate"> & { readonly author: string }) {
  const isDeleted = message.deletedAtMs !== undefined;
  return (
    <div class={isDeleted ? "bubble gone" : "bubble"}>
      {isFirst && (
        <p class="by">
          <strong>{author}</strong>
          <time dateTime={new Date(message.sentAtMs).toISOString()}>{timeOf(message.sentAtMs, locale.value)}</time>
        </p>
      )}
      {message.replyTo !== undefined && <Answered chat={chat} id={message.replyTo} />}
      {isDeleted ? (
        <p class="text">{t("chat.deleted")}</p>
      ) : (
        <Text text={message.text} mentions={(message.mentions?.length ?? 0) > 0} />
      )}
      {message.editedAtMs !== undefined && !isDeleted && <Edited chat={chat} message={message} />}
    </div>
  );
}

function ThreadSize({ chat, message }: Props) {
  const { threadSize = 0 } = message;
  if (threadSize === 0 || chat.thread.value !== undefined) return null;
  return (
    <button
      type="button"
      class="link thread-size"
      onClick={() => void chat.openThread(message.id)}
      data-testid="thread-size"
    >
      {t("chat.threadSize", { count: threadSize })}
    </button>
  );
}

export function Message(props: MessageProps) {
  const { chat, message, isFirst, canModerate } = props;
  const isOwn = message.authorId === user.value?.userId;
  const isDeleted = message.deletedAtMs !== undefined;
  const author = message.authorLeft === true ? t("chat.someone") : message.authorName;
  return (
    <li class={classOf(props)} data-testid="message" data-id={message.id}>
      {isFirst && !isOwn && <Avatar id={message.authorId} name={author} />}
      <div class="said">
        <Bubble chat={chat} message={message} isFirst={isFirst} author={isOwn ? t("call.you") : author} />
        <Reactions chat={chat} message={message} />
        {!isDeleted && <MoveHere chat={chat} message={message} />}
        <ThreadSize chat={chat} message={message} />
      </div>
      {!isDeleted && <Actions chat={chat} message={message} canModerate={canModerate} />}
    </li>
  );
}
