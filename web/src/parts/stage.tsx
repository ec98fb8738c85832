/** Everybody who is here, in tiles as large as the stage allows. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Call, Person } from "../state/call.ts";
import { chooseShown, gridFor } from "../state/grid.ts";
import { t } from "../state/i18n.ts";
import { CopyLink } from "./copy-link.tsx";
import { Tile } from "./tile.tsx";

const WIDE_PX = 700;
/** Tiles at a time; who speaks is never left out. */
const PLACES = { narrow: 8, wide: 20 } as const;
/** With so few others the own picture floats instead of taking a place. */
const FLOAT_UP_TO = 2;

function Alone({ call }: { readonly call: Call }) {
  return (
    <div class="alone" data-testid="alone">
      <h2>{t("call.alone")}</h2>
      <p>{t("call.aloneText")}</p>
      <CopyLink slug={call.slug} />
    </div>
  );
}

function shownOf(call: Call, width: number): { readonly shown: readonly Person[]; readonly hidden: number } {
  const people = call.people.value;
  const others = people.filter((person) => !person.isSelf);
  const inGrid = others.length > FLOAT_UP_TO || others.length === 0 ? people : others;
  const places = width < WIDE_PX ? PLACES.narrow : PLACES.wide;
  const ids = chooseShown(
    inGrid.map(({ id }) => id),
    call.speaking.value,
    places,
  );
  const byId = new Map(inGrid.map((person) => [person.id, person]));
  const shown = ids.flatMap((id) => byId.get(id) ?? []);
  return { shown, hidden: inGrid.length - shown.length };
}

export function Stage({ call }: { readonly call: Call }) {
  const stage = useRef<HTMLDivElement>(null);
  const size = useSignal({ width: innerWidth, height: innerHeight });
  useEffect(() => {
    const element = stage.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) size.value = { width: entry.contentRect.width, height: entry.contentRect.height };
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [size]);

  const { width, height } = size.value;
  const { shown, hidden } = shownOf(call, width);
  const { columns, rows } = gridFor(shown.length, width, height);
  const self = call.self.value;
  const isFloating = self !== undefined && !shown.some((person) => person.isSelf);
  const tile = (person: Person, floating: boolean) => (
    <Tile
      key={person.id}
      person={person}
      room={call.room}
      isSpeaking={call.speaking.value.includes(person.id)}
      selfTrack={call.selfTrack.value}
      isFloating={floating}
    />
  );
  return (
    <div class="stage" ref={stage}>
      <div
        class={shown.length === 1 ? "grid single" : "grid"}
        style={{ "--columns": String(columns), "--rows": String(rows) }}
        data-testid="grid"
      >
        {shown.map((person) => tile(person, false))}
      </div>
      {isFloating && tile(self, true)}
      {call.phase.value === "in" && call.people.value.length === 1 && <Alone call={call} />}
      {hidden > 0 && <p class="more-people">{t("call.more", { count: hidden })}</p>}
    </div>
  );
}
