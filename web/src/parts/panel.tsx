/** What opens beside the stage, or from below on a phone. Escape closes it; the focus goes back to where it was. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons.tsx";

interface PanelProps {
  readonly title: string;
  readonly closeLabel: string;
  readonly onClose: () => void;
  readonly testId: string;
  readonly children: ComponentChildren;
}

export function Panel({ title, closeLabel, onClose, testId, children }: PanelProps) {
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    close.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <aside
      class={`panel ${testId}`}
      aria-label={title}
      data-testid={testId}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <header>
        <h2>{title}</h2>
        <button
          type="button"
          class="ghost icon-only"
          onClick={onClose}
          ref={close}
          aria-label={closeLabel}
          title={closeLabel}
        >
          <Icon name="close" />
        </button>
      </header>
      {children}
    </aside>
  );
}
