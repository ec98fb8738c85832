import { ValidateIf } from "class-validator";

/** May be absent. Unlike IsOptional, which lets null through: where null means nothing, it is refused. */
export const MayBeAbsent = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** May be absent or null. */
export const MayBeNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined && value !== null);
