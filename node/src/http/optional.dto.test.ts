import { expect, test } from "@jest/globals";
import { ShareDto } from "./bills.dto.ts";
import { RetentionDto } from "./import.dto.ts";
import { PageBeforeDto } from "./pages.dto.ts";
import { ChangeRoomDto } from "./rooms.dto.ts";
import { parseDto } from "./validate.dto.ts";

const userId = "01J00000000000000000000000";

test.each([
  ["a share's weight", ShareDto, { userId, weight: null }, "weight"],
  ["a room's title", ChangeRoomDto, { title: null, description: "kept" }, "title"],
  ["the size of a page", PageBeforeDto, { limit: null }, "limit"],
] as const)("null is refused where it means nothing: %s", (_, dto, input, path) => {
  expect(parseDto<object>(dto, input)).toMatchObject({ ok: false, errors: [{ path }] });
  const { [path as keyof typeof input]: _null, ...rest } = input;
  expect(parseDto<object>(dto, rest).ok).toBe(true);
});

test("null is taken where it means something: no picture, no end", () => {
  expect(parseDto(ChangeRoomDto, { pictureId: null })).toMatchObject({ ok: true });
  expect(parseDto(RetentionDto, { messageDays: null, fileDays: 3 })).toMatchObject({ ok: true });
});

test.each([0, 101, "x", "-1", 1.5])("a page of %s is refused", (limit) => {
  expect(parseDto(PageBeforeDto, { limit: String(limit) }).ok).toBe(false);
});

test("a page's size and place are read from a query's text", () => {
  expect(parseDto(PageBeforeDto, { limit: "20", before: userId })).toEqual({
    ok: true,
    value: { limit: 20, before: userId },
  });
});
