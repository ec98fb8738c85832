/** People to name while one types after an @: a list under the keyboard's command, drawn above the composer. */
import { type Signal, useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { client } from "../state/app.ts";
import { t } from "../state/i18n.ts";
import { type Named, type Typed, typedMention, whoFits, withMention } from "../state/mentions.ts";
import { Avatar } from "./avatar.tsx";

interface Options {
  readonly text: Signal<string>;
  readonly slug: () => string;
  readonly input: { readonly current: HTMLTextAreaElement | null };
}

/** Asked once for each composer, when the first @ is typed. */
function usePeople(slug: () => string) {
  const people = useSignal<readonly Named[]>([]);
  const isAsked = useSignal(false);
  const ask = (): void => {
    if (isAsked.value) return;
    isAsked.value = true;
    client.rooms
      .allMembers(slug())
      .then((members) => {
        people.value = members;
      })
      .catch(() => {
        isAsked.value = false;
      });
  };
  return { people, ask };
}

export function useMentions({ text, slug, input }: Options) {
  const { people, ask } = usePeople(slug);
  const typed = useSignal<Typed | undefined>(undefined);
  const chosen = useSignal(0);
  const listId = useId();
  const offered = typed.value === undefined ? [] : whoFits(people.value, typed.value.query);
  const close = (): void => {
    typed.value = undefined;
  };
  /** After every change of the text or the caret. */
  const look = (): void => {
    const caret = input.current?.selectionEnd ?? 0;
    typed.value = typedMention(input.current?.value ?? "", caret);
    chosen.value = 0;
    if (typed.value !== undefined) ask();
  };
  const choose = (handle: string): void => {
    if (typed.value === undefined) return;
    const put = withMention(text.value, typed.value, handle);
    text.value = put.text;
    close();
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(put.caret, put.caret);
    });
  };
  /** True when the key was for the list. */
  const key = (event: KeyboardEvent): boolean => {
    const current = offered[chosen.value];
    if (current === undefined || event.isComposing) return false;
    const step = (by: number) => () => {
      chosen.value = (chosen.value + by + offered.length) % offered.length;
    };
    const take = (): void => choose(current.handle);
    const acts: Readonly<Record<string, () => void>> = {
      ArrowDown: step(1),
      ArrowUp: step(-1),
      Enter: take,
      Tab: take,
      Escape: close,
    };
    const act = acts[event.key];
    if (act === undefined) return false;
    act();
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const isOpen = offered.length > 0;
  const aria = {
    "aria-autocomplete": "list",
    "aria-controls": isOpen ? listId : undefined,
    "aria-activedescendant": isOpen ? `${listId}-${chosen.value}` : undefined,
  } as const;
  const list = isOpen && (
    <div class="mentions" role="listbox" id={listId} aria-label={t("chat.mention")} data-testid="mentions">
      {offered.map(({ userId, displayName, handle }, index) => (
        // The focus stays where one writes: the text field has the keys.
        <div
          key={userId}
          id={`${listId}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === chosen.value}
          onPointerDown={(event) => {
            event.preventDefault();
            choose(handle);
          }}
          data-testid="mention"
        >
          <Avatar id={userId} name={displayName} />
          <strong>{displayName}</strong>
          <small>@{handle}</small>
        </div>
      ))}
    </div>
  );
  return { look, key, close, aria, list, isOpen };
}
