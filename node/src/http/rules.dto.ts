/**
 * The rules of a request class, read once from class-validator. It works out every fault and searches all classes for each
 * value that it is shown; most requests have no fault, and to know that, asking the rules is enough.
 */
import type { ClassConstructor } from "class-transformer";
import { getMetadataStorage, type ValidationArguments, ValidationTypes } from "class-validator";

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>["getTargetValidationMetadatas"]>[number];
type Check = (value: unknown, object: object) => boolean;

interface Field {
  /** Unless all of them say so, the field may be what it likes. */
  readonly conditions: readonly Check[];
  readonly rules: readonly Check[];
}

export interface Rules {
  readonly isEmpty: boolean;
  /** By name; undefined where a rule is of a kind that only class-validator can judge, as of values within values. */
  readonly fields: ReadonlyMap<string, Field> | undefined;
}

/** As many as there are request classes, which are made when their files are loaded and do not change then. */
const known = new WeakMap<ClassConstructor<object>, Rules>();

export function rulesOf(dto: ClassConstructor<object>): Rules {
  let rules = known.get(dto);
  if (rules === undefined) {
    const metadata = getMetadataStorage().getTargetValidationMetadatas(dto, "", false, false);
    rules = { isEmpty: metadata.length === 0, fields: fieldsOf(metadata) };
    known.set(dto, rules);
  }
  return rules;
}

/** True: class-validator would find no fault. False: it might. */
export function isSurelyRight({ fields }: Rules, value: object): boolean {
  if (fields === undefined) return false;
  for (const name of Object.keys(value)) if (!fields.has(name)) return false;
  for (const [name, { conditions, rules }] of fields) {
    const held = (value as Readonly<Record<string, unknown>>)[name];
    if (conditions.every((holds) => holds(held, value)) && !rules.every((holds) => holds(held, value))) return false;
  }
  return true;
}

function fieldsOf(metadata: readonly Metadata[]): ReadonlyMap<string, Field> | undefined {
  const fields = new Map<string, { readonly conditions: Check[]; readonly rules: Check[] }>();
  for (const one of metadata) {
    const field = fields.get(one.propertyName) ?? { conditions: [], rules: [] };
    fields.set(one.propertyName, field);
    if (one.type === ValidationTypes.CONDITIONAL_VALIDATION) {
      field.conditions.push(conditionOf(one));
      continue;
    }
    if (one.type === ValidationTypes.WHITELIST) continue;
    const rules = one.type === ValidationTypes.CUSTOM_VALIDATION ? checksOf(one) : undefined;
    if (rules === undefined) return undefined;
    field.rules.push(...rules);
  }
  return fields;
}

function conditionOf(metadata: Metadata): Check {
  const condition = metadata.constraints[0] as (object: object, value: unknown) => boolean;
  return (value, object) => condition(object, value);
}

function checksOf(metadata: Metadata): readonly Check[] | undefined {
  if (metadata.validateIf !== undefined || (metadata.groups ?? []).length > 0) return undefined;
  const constraints = getMetadataStorage().getTargetValidatorConstraints(metadata.constraintCls);
  if (constraints.length === 0 || constraints.some((constraint) => constraint.async)) return undefined;
  return constraints.map(({ instance }) => {
    const { each, constraints: limits, propertyName: property } = metadata;
    return (value, object) => {
      const about: ValidationArguments = { value, object, property, constraints: limits, targetName: "" };
      const holds = (one: unknown): boolean => instance.validate(one, about) === true;
      return each && Array.isArray(value) ? value.every(holds) : holds(value);
    };
  });
}
