/** JSON schemas of request and answer classes, for the OpenAPI document. */
import "reflect-metadata";
import { createRequire } from "node:module";
import type { ClassConstructor } from "class-transformer";
import { targetConstructorToSchema } from "class-validator-jsonschema";

// The store of @Type() is not among class-transformer's exports, but nested classes cannot be named without it.
const storage: unknown = createRequire(import.meta.url)("class-transformer/cjs/storage.js");

export function schemaOf(dto: ClassConstructor<object>): object {
  const options = {
    refPointerPrefix: "#/components/schemas/",
    ...(hasStorage(storage) ? { classTransformerMetadataStorage: storage.defaultMetadataStorage as object } : {}),
  };
  const schema = targetConstructorToSchema(dto, options as Parameters<typeof targetConstructorToSchema>[1]);
  return { ...schema, additionalProperties: false };
}

interface TypeMetadata {
  readonly typeFunction: () => unknown;
}
interface Storage {
  readonly _typeMetadatas?: ReadonlyMap<unknown, ReadonlyMap<string, TypeMetadata>>;
}

/** The classes and all that they name by @Type(), each once. */
export function withNested(dtos: readonly ClassConstructor<object>[]): readonly ClassConstructor<object>[] {
  const types = hasStorage(storage) ? storage.defaultMetadataStorage._typeMetadatas : undefined;
  const found = new Set<ClassConstructor<object>>();
  const add = (dto: unknown): void => {
    if (typeof dto !== "function" || found.has(dto as ClassConstructor<object>)) return;
    found.add(dto as ClassConstructor<object>);
    for (const { typeFunction } of types?.get(dto)?.values() ?? []) add(typeFunction());
  };
  for (const dto of dtos) add(dto);
  return [...found];
}

function hasStorage(value: unknown): value is { readonly defaultMetadataStorage: Storage } {
  return typeof value === "object" && value !== null && "defaultMetadataStorage" in value;
}
