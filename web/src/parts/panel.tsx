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
  const panel = useRef<HTMLElement>(null);
  const close = useRef<HTMLButtonElement>(null);
  // Remembered while drawing: a child may take the focus before the effect below runs.
  const before = useRef(document.activeElement);
  useEffect(() => {
    if (panel.current?.contains(document.activeElement) !== true) close.current?.focus();
    const cameFrom = before.current;
    return () => {
      if (cameFrom instanceof HTMLElement && cameFrom.isConnected) cameFrom.focus();
    };
  }, []);
  return (
    <aside
      class={`panel ${testId}`}
      ref={panel}
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
