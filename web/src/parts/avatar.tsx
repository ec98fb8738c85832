/** Initials on a colour of one's own. */
import { hueOf, initials } from "../state/avatar.ts";

export function Avatar({
  id,
  name,
  large = false,
  pictureId,
}: {
  readonly id: string;
  readonly name: string;
  readonly large?: boolean;
  readonly pictureId?: string | undefined;
}) {
  const look = large ? "avatar large" : "avatar";
  if (pictureId !== undefined) return <img class={look} src={`/v1/pictures/${pictureId}`} alt="" />;
  return (
    <span class={look} style={{ "--hue": String(hueOf(id)) }} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
