import { expect, test } from "@jest/globals";
import { ViewTracker, type Visible } from "./view.ts";

const at = (participantId: string): Visible => [{ participantId, source: "camera", width: 320, height: 180 }];

function tracker(): { readonly view: ViewTracker; readonly said: Visible[] } {
  const said: Visible[] = [];
  const now = (work: () => void): (() => void) => {
    work();
    return () => undefined;
  };
  return { view: new ViewTracker(now, (visible) => said.push(visible)), said };
}

test("an application that never says what it shows leaves the choice to the node", () => {
  const { view, said } = tracker();
  view.repeat();
  expect(said).toEqual([]);
});

test("a view that the application said itself is what a reconnect repeats", () => {
  const { view, said } = tracker();
  view.set(at("ana"));
  view.repeat();
  expect(said).toEqual([at("ana"), at("ana")]);
});

test("watching an element replaces the application's own view", () => {
  const { view, said } = tracker();
  view.set(at("ana"));
  const box = { width: 640, height: 360 };
  const element = { getBoundingClientRect: () => box } as unknown as Element;
  const stop = view.observe(element, "minh", "camera");
  expect(said.at(-1)).toEqual([{ participantId: "minh", source: "camera", width: 640, height: 360 }]);
  stop();
  expect(said.at(-1)).toEqual([]);
});
