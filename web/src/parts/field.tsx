/** A labelled input with its hint and its error, tied together for screen readers. */
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  readonly label: string;
  /** What is typed. */
  readonly bind: Signal<string>;
  /** Called after `bind` was set. */
  readonly onTyped?: (value: string) => void;
  readonly testId: string;
  readonly hint?: ComponentChildren;
  readonly error?: string | undefined;
  readonly type?: "text" | "password" | "number";
  readonly placeholder?: string;
  readonly autoComplete?: string;
  readonly required?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
}

interface Shared {
  readonly id: string;
  readonly value: string;
  readonly required: boolean;
  readonly placeholder: string | undefined;
  readonly autoComplete: string;
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly spellcheck: boolean;
  readonly "aria-describedby": string;
  readonly "aria-invalid": boolean;
  readonly "data-testid": string;
  readonly onInput: (event: InputEvent & { readonly currentTarget: HTMLInputElement }) => void;
}

/** The kinds are apart because each allows other attributes. */
function Input({ type, ...shared }: { readonly type: "text" | "password" | "number" } & Shared) {
  if (type === "password") return <input type="password" {...shared} />;
  if (type === "number") return <input type="number" min={1} max={1000} {...shared} />;
  return <input type="text" autoCapitalize={shared.autoComplete === "name" ? "words" : "none"} {...shared} />;
}

export function Field(props: FieldProps) {
  const id = useId();
  const { label, bind, onTyped, testId, hint, error, type = "text", required = false } = props;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Input
        id={id}
        type={type}
        value={bind.value}
        required={required}
        placeholder={props.placeholder}
        autoComplete={props.autoComplete ?? "off"}
        minLength={props.minLength}
        maxLength={props.maxLength}
        spellcheck={false}
        aria-describedby={`${id}-hint`}
        aria-invalid={error !== undefined}
        data-testid={testId}
        onInput={(event) => {
          bind.value = event.currentTarget.value;
          onTyped?.(bind.value);
        }}
      />
      <p id={`${id}-hint`} class={error === undefined ? "hint" : "hint error"}>
        {error ?? hint}
      </p>
    </div>
  );
}

/** What a form was refused with. */
export function FormError({ text }: { readonly text: string | undefined }) {
  return (
    <p class="form-error" role="alert" data-testid="form-error" hidden={text === undefined}>
      {text}
    </p>
  );
}
