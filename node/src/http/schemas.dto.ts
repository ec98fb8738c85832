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
    ...(hasStorage(storage) ? { classTransformerMetadataStorage: storage.defaultMetadataStorage } : {}),
  };
  const schema = targetConstructorToSchema(dto, options as Parameters<typeof targetConstructorToSchema>[1]);
  return { ...schema, additionalProperties: false };
}

function hasStorage(value: unknown): value is { readonly defaultMetadataStorage: object } {
  return typeof value === "object" && value !== null && "defaultMetadataStorage" in value;
}
