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
      <CopyLink slug={call.address.value} />
    </div>
  );
}

interface Shown {
  readonly shown: readonly Person[];
  readonly hidden: number;
}

/** Whoever spoke lately has a place before those who only listen. */
function shownOf(call: Call, inGrid: readonly Person[], places: number): Shown {
  const ids = inGrid.map(({ id }) => id);
  const recent = call.spoke.value.filter((id) => ids.includes(id));
  const chosen = new Set(chooseShown(ids, [...new Set([...call.speaking.value, ...recent])], places));
  return { shown: inGrid.filter(({ id }) => chosen.has(id)), hidden: inGrid.length - chosen.size };
}

/** Who is large: a shared screen always, the last speaker where the person wants it so. */
function spotlightOf(call: Call, others: readonly Person[]): Person | undefined {
  const sharing = others.find(({ screen }) => screen !== undefined && !screen.muted);
  if (sharing !== undefined) return sharing;
  if (call.layout.value === "grid" || others.length < 2) return undefined;
  const speaker = call.spoke.value.map((id) => others.find((person) => person.id === id)).find(Boolean);
  return speaker ?? others[0];
}

interface TilesProps {
  readonly call: Call;
  readonly people: readonly Person[];
}

function Tiles({ call, people, class: look }: TilesProps & { readonly class?: string }) {
  return (
    <>
      {people.map((person) => (
        <Tile
          key={person.id}
          person={person}
          room={call.room}
          isSpeaking={call.speaking.value.includes(person.id)}
          score={call.scores.value.get(person.id)}
          selfTrack={call.selfTrack.value}
          look={look ?? ""}
        />
      ))}
    </>
  );
}

/** One large, the others in a strip; who shares a screen is in the strip with the camera, too. */
function Spotlight({ call, people, large }: TilesProps & { readonly large: Person }) {
  const isScreen = large.screen !== undefined;
  const beside = isScreen
    ? people.map((person) => (person.id === large.id ? { ...person, screen: undefined } : person))
    : people.filter(({ id }) => id !== large.id);
  return (
    <div class="spotlight" data-testid="spotlight">
      <div class="large">
        <Tiles call={call} people={[large]} class={isScreen ? " screen" : ""} />
      </div>
      <div class="strip">
        <Tiles call={call} people={beside} />
      </div>
    </div>
  );
}

function Grid({ call, people, width, height }: TilesProps & { readonly width: number; readonly height: number }) {
  const { columns, rows } = gridFor(people.length, width, height);
  return (
    <div
      class={people.length === 1 ? "grid single" : "grid"}
      style={{ "--columns": String(columns), "--rows": String(rows) }}
      data-testid="grid"
    >
      <Tiles call={call} people={people} />
    </div>
  );
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
  const people = call.people.value;
  const others = people.filter((person) => !person.isSelf);
  const large = spotlightOf(call, others);
  const inGrid = large !== undefined || others.length > FLOAT_UP_TO || others.length === 0 ? people : others;
  const { shown, hidden } = shownOf(call, inGrid, width < WIDE_PX ? PLACES.narrow : PLACES.wide);
  const self = call.self.value;
  const isFloating = self !== undefined && !inGrid.some((person) => person.isSelf);
  return (
    <div class="stage" ref={stage}>
      {large === undefined ? (
        <Grid call={call} people={shown} width={width} height={height} />
      ) : (
        <Spotlight call={call} people={shown} large={large} />
      )}
      {isFloating && <Tiles call={call} people={[self]} class=" floating" />}
      {call.phase.value === "in" && call.people.value.length === 1 && <Alone call={call} />}
      {hidden > 0 && <p class="more-people">{t("call.more", { count: hidden })}</p>}
    </div>
  );
}
