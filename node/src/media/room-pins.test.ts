import { expect, test } from "@jest/globals";
import { RoomPins } from "./room-pins.ts";

test("[G15] a room stays on its worker until its last user leaves; a new room goes where fewest users are", () => {
  const pins = new RoomPins(["a", "b"]);
  expect(pins.enter("ann", "red")).toBe("a");
  expect(pins.enter("bob", "red")).toBe("a");
  expect(pins.enter("cid", "blue")).toBe("b");
  expect(pins.enter("dan", "red", "b")).toBe("a");
  for (const user of ["ann", "bob", "dan"]) pins.leave(user);
  expect(pins.workerOf("red")).toBeUndefined();
  expect(pins.enter("eve", "red", "b")).toBe("b");
});

test("[G15] whoever enters another room leaves the one before", () => {
  const pins = new RoomPins(["a", "b"]);
  pins.enter("ann", "red");
  pins.enter("ann", "blue");
  expect([pins.roomOf("ann"), pins.workerOf("red")]).toEqual(["blue", undefined]);
});

test("[G15] a worker that failed loses all its users, and streams of a trunk leave together", () => {
  const pins = new RoomPins(["a", "b"]);
  pins.enter("ann", "red");
  pins.enter("stream x 1", "red");
  pins.enter("stream y 1", "red");
  pins.enter("bob", "blue");
  pins.leaveAll("stream x ");
  expect(pins.evict("a").sort()).toEqual(["ann", "stream y 1"]);
  expect([pins.roomOf("ann"), pins.roomOf("bob")]).toEqual([undefined, "blue"]);
});
