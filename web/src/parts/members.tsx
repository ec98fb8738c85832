/** Everybody who belongs to the room, here now or not: their roles, and taking them out. */
import type { MemberInfo, Role } from "../../../client-sdk/src/index.ts";
import { client, user } from "../state/app.ts";
import type { Call } from "../state/call.ts";
import { t } from "../state/i18n.ts";
import { useDeed, useLoaded } from "../state/load.ts";
import { Avatar } from "./avatar.tsx";
import { Confirm } from "./confirm.tsx";
import { FormError } from "./field.tsx";
import { Icon } from "./icons.tsx";

/** Roles that this person may give; handing the room over is asked for apart. */
const giveable = (own: Role): readonly Role[] =>
  own === "owner" ? ["moderator", "member", "guest"] : ["member", "guest"];

interface RowProps {
  readonly call: Call;
  readonly member: MemberInfo;
  readonly onChanged: () => void;
}

function RoleSelect({ call, member, onChanged }: RowProps) {
  const deed = useDeed();
  const give = async (role: Role): Promise<void> => {
    await deed.run(() => client.rooms.setRole(call.address.value, member.userId, role));
    onChanged();
  };
  return (
    <>
      <select
        class="small"
        value={member.role}
        aria-label={t("members.roleOf", { name: member.displayName })}
        disabled={deed.busy.value}
        onChange={(event) => void give(event.currentTarget.value as Role)}
        data-testid="member-role"
      >
        {giveable(call.role.value).map((role) => (
          <option key={role} value={role}>
            {t(`people.role.${role}`)}
          </option>
        ))}
      </select>
      <FormError text={deed.error.value} />
    </>
  );
}

function Deeds({ call, member, onChanged }: RowProps) {
  const deed = useDeed();
  const { userId, displayName } = member;
  const act = async (work: () => Promise<unknown>): Promise<void> => {
    if (await deed.run(work)) onChanged();
  };
  return (
    <div class="row member-deeds">
      {call.role.value === "owner" && (
        <Confirm
          question={t("members.handOverSure", { name: displayName })}
          yes={t("members.handOverYes")}
          onYes={() => void act(() => client.rooms.setRole(call.address.value, userId, "owner"))}
          testId="member-own"
        >
          {t("members.handOver")}
        </Confirm>
      )}
      <Confirm
        question={t("members.removeSure", { name: displayName })}
        yes={t("members.removeYes")}
        onYes={() => void act(() => client.rooms.removeMember(call.address.value, userId))}
        testId="member-remove"
      >
        {t("room.remove")}
      </Confirm>
      <FormError text={deed.error.value} />
    </div>
  );
}

function Member({ call, member, onChanged }: RowProps) {
  const isSelf = member.userId === user.value?.userId;
  const isHere = call.people.value.some(({ userId }) => userId === member.userId);
  const mayChange = call.mayModerate({ isSelf, role: member.role });
  return (
    <li class="member" data-testid="member" data-role={member.role}>
      <Avatar id={member.userId} name={member.displayName} pictureId={member.pictureId} />
      <span class="who">
        <strong>{isSelf ? t("call.youName", { name: member.displayName }) : member.displayName}</strong>
        <small>
          {[
            ...(member.handle === undefined ? [] : [`@${member.handle}`]),
            ...(mayChange ? [] : [t(`people.role.${member.role}`)]),
            ...(isHere ? [t("members.here")] : []),
          ].join(" · ")}
        </small>
      </span>
      {mayChange && (
        <>
          <RoleSelect call={call} member={member} onChanged={onChanged} />
          <details class="more">
            <summary aria-label={t("members.more", { name: member.displayName })} data-testid="member-more">
              <Icon name="down" />
            </summary>
            <Deeds call={call} member={member} onChanged={onChanged} />
          </details>
        </>
      )}
    </li>
  );
}

const RANK: Readonly<Record<Role, number>> = { owner: 0, moderator: 1, member: 2, guest: 3 };

export function Members({ call }: { readonly call: Call }) {
  const { value, error, reload } = useLoaded(
    () => client.rooms.allMembers(call.address.value),
    call.membersChanged.value,
  );
  const members = value.value;
  if (members === undefined && error.value === undefined) return <div class="skeleton tall" />;
  const sorted = [...(members ?? [])].sort(
    (a, b) => RANK[a.role] - RANK[b.role] || a.displayName.localeCompare(b.displayName),
  );
  return (
    <>
      <FormError text={error.value} />
      {members !== undefined && <p class="hint">{t("members.count", { count: members.length })}</p>}
      <ul class="people">
        {sorted.map((member) => (
          <Member key={member.userId} call={call} member={member} onChanged={reload} />
        ))}
      </ul>
    </>
  );
}
