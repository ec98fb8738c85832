/** Initials on a colour of one's own. */
import { hueOf, initials } from "../state/avatar.ts";

export function Avatar({
  id,
  name,
  large = false,
}: {
  readonly id: string;
  readonly name: string;
  readonly large?: boolean;
}) {
  return (
    <span class={large ? "avatar large" : "avatar"} style={{ "--hue": String(hueOf(id)) }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
