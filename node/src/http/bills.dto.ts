/** Requests and answers about expenses. */
import "reflect-metadata";
import { Type } from "class-transformer";
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateNested,
} from "class-validator";
import type * as Protocol from "#protocol";
import { MAX_AMOUNT_MINOR, MAX_WEIGHT } from "../bills/shares.ts";
import { READABLE, ULID } from "./fields.ts";
import { MayBeAbsent } from "./optional.dto.ts";
import { PageBeforeDto } from "./pages.dto.ts";

const SPLITS = ["equal", "weight", "exact"];

export class ShareDto {
  @Matches(ULID, { message: "userId must be a person's id" })
  @IsString()
  userId!: string;

  @MayBeAbsent()
  @Min(0)
  @Max(MAX_WEIGHT)
  @IsInt()
  weight?: number;

  @MayBeAbsent()
  @Min(0)
  @Max(MAX_AMOUNT_MINOR)
  @IsInt()
  exactMinor?: number;
}

export class ExpenseDto implements Protocol.ExpenseInput {
  @Length(1, 200)
  @Matches(READABLE, { message: "title must be readable" })
  @IsString()
  title!: string;

  /** Whole minor units (cents). */
  @Min(1)
  @Max(MAX_AMOUNT_MINOR)
  @IsInt()
  amountMinor!: number;

  @Matches(/^[A-Z]{3}$/, { message: "currency must be a code of ISO 4217" })
  @IsString()
  currency!: string;

  @Matches(ULID, { message: "payerId must be a person's id" })
  @IsString()
  payerId!: string;

  @IsIn(SPLITS)
  split!: "equal" | "weight" | "exact";

  @ValidateNested({ each: true })
  @Type(() => ShareDto)
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @IsArray()
  shares!: ShareDto[];

  /** A payment from the payer to the one who shares it. */
  @MayBeAbsent()
  @IsBoolean()
  settlement?: boolean;
}

export class ListExpensesDto extends PageBeforeDto {}

export class OwedInfo {
  @IsString() userId!: string;
  @IsInt() amountMinor!: number;
}
export class Expense implements Protocol.Expense {
  @IsString() expenseId!: string;
  @IsString() title!: string;
  @IsInt() amountMinor!: number;
  @IsString() currency!: string;
  @IsString() payerId!: string;
  @IsIn(SPLITS) split!: "equal" | "weight" | "exact";
  @ValidateNested({ each: true }) @Type(() => ShareDto) @IsArray() shares!: ShareDto[];
  @IsBoolean() settlement!: boolean;
  @IsString() createdBy!: string;
  @IsInt() createdAtMs!: number;
  @ValidateNested({ each: true }) @Type(() => OwedInfo) @IsArray() owed!: OwedInfo[];
}
export class ExpensePage implements Protocol.ExpensePage {
  @ValidateNested({ each: true }) @Type(() => Expense) @IsArray() expenses!: Expense[];
  @MayBeAbsent() @IsString() nextCursor?: string;
}
export class PaymentInfo {
  @IsString() from!: string;
  @IsString() to!: string;
  @IsInt() amountMinor!: number;
}
export class CurrencyBalance implements Protocol.CurrencyBalance {
  @IsString() currency!: string;
  @IsInt() digits!: number;
  @ValidateNested({ each: true }) @Type(() => OwedInfo) @IsArray() balances!: OwedInfo[];
  @ValidateNested({ each: true }) @Type(() => PaymentInfo) @IsArray() payments!: PaymentInfo[];
  @IsBoolean() fewest!: boolean;
}
export class Balances implements Protocol.Balances {
  @ValidateNested({ each: true }) @Type(() => CurrencyBalance) @IsArray() currencies!: CurrencyBalance[];
}
