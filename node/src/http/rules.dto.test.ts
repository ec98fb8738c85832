import { describe, expect, test } from "@jest/globals";
import { type ClassConstructor, plainToInstance } from "class-transformer";
import { validateSync } from "class-validator";
import fc from "fast-check";
import * as bills from "./bills.dto.ts";
import * as happenings from "./happenings.dto.ts";
import * as integrations from "./integrations.dto.ts";
import * as people from "./people.dto.ts";
import * as rooms from "./rooms.dto.ts";
import { isSurelyRight, rulesOf } from "./rules.dto.ts";
import * as texts from "./texts.dto.ts";

const OPTIONS = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true, stopAtFirstError: true };
const dtos = [bills, happenings, integrations, people, rooms, texts]
  .flatMap((file) => Object.values(file) as readonly unknown[])
  .filter((value) => typeof value === "function" && value.prototype !== undefined)
  .map((value) => value as ClassConstructor<object>)
  .filter((dto) => !rulesOf(dto).isEmpty);
const ULID = "01J00000000000000000000000";
const anything = fc.oneof(
  fc.constantFrom<unknown>("x", "", "EUR", ULID, 0, 1, 3.5, -1, true, null, undefined, [], ["x"], [1, 2], [null], {}),
  fc.jsonValue(),
);

describe("rules of request classes", () => {
  test("are read for every class, and most are simple", () => {
    const simple = dtos.filter((dto) => rulesOf(dto).fields !== undefined);
    expect(dtos.length).toBeGreaterThan(30);
    expect(simple.length).toBeGreaterThan(dtos.length / 2);
    expect(simple).toContain(texts.PostMessageDto);
  });

  test.each(dtos.map((dto) => [dto.name, dto] as const))(
    "%s: what is surely right has no fault, and else one",
    (_, dto) => {
      const rules = rulesOf(dto);
      const names = [...(rules.fields?.keys() ?? ["text", "title"])];
      const input = fc.dictionary(fc.constantFrom(...names, ...names, "stranger"), anything, { maxKeys: names.length });
      const agree = fc.property(input, (plain) => {
        const value = plainToInstance(dto, plain);
        const isRight = validateSync(value, OPTIONS).length === 0;
        expect(isSurelyRight(rules, value)).toBe(rules.fields !== undefined && isRight);
      });
      fc.assert(agree, { seed: 7, numRuns: 60 });
    },
  );

  test("a message with its key passes without another look; another field, a long text and null do not", () => {
    const rules = rulesOf(texts.PostMessageDto);
    const judge = (plain: object): boolean => isSurelyRight(rules, plainToInstance(texts.PostMessageDto, plain));
    expect(judge({ text: "hello", clientId: "c1" })).toBe(true);
    for (const plain of [
      { text: "x", y: 1 },
      { text: "x".repeat(8_001) },
      { text: "x", replyTo: null },
      {},
      { text: 1 },
    ])
      expect(judge(plain)).toBe(false);
  });
});
