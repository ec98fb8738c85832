/** A deed that cannot be undone takes two presses: the second question stands where the first was, with the focus on the way out. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../state/i18n.ts";

interface ConfirmProps {
  /** What the first button shows. */
  readonly children: ComponentChildren;
  /** Of the first button, when it shows an icon alone. */
  readonly label?: string;
  /** What is asked. */
  readonly question: string;
  readonly yes: string;
  readonly onYes: () => void;
  readonly testId: string;
  readonly class?: string;
  readonly disabled?: boolean;
}

export function Confirm(props: ConfirmProps) {
  const { children, label, question, yes, onYes, testId, class: look = "button quiet small", disabled = false } = props;
  const isAsking = useSignal(false);
  const first = useRef<HTMLButtonElement>(null);
  const no = useRef<HTMLButtonElement>(null);
  const asked = useRef(false);
  useEffect(() => {
    if (isAsking.value) no.current?.focus();
    else if (asked.current) first.current?.focus();
    asked.current = isAsking.value;
  }, [isAsking.value]);
  const close = (): void => {
    isAsking.value = false;
  };
  if (!isAsking.value)
    return (
      <button
        type="button"
        class={look}
        aria-label={label}
        title={label}
        disabled={disabled}
        ref={first}
        onClick={() => {
          isAsking.value = true;
        }}
        data-testid={testId}
      >
        {children}
      </button>
    );
  return (
    <fieldset
      class="confirm"
      aria-label={question}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <span>{question}</span>
      <button
        type="button"
        class="button danger small"
        onClick={() => {
          close();
          onYes();
        }}
        data-testid={`${testId}-yes`}
      >
        {yes}
      </button>
      <button type="button" class="button small" ref={no} onClick={close}>
        {t("room.cancel")}
      </button>
    </fieldset>
  );
}
