// Commands that change or list the keys of the cluster. Answers have their body with an error, too.

import type { KeyCommand } from "../../src/core.ts";
import { messageOf } from "../errors.ts";
import { base64Problem, decodeKey } from "../key-text.ts";
import type { KeyResult } from "../keys.ts";
import type { Command, Reply } from "./command.ts";
import { textField } from "./fields.ts";
import type { RpcWritable } from "./value.ts";

const NOTHING: KeyResult = {
  numNodes: 0,
  numResp: 0,
  numErr: 0,
  messages: new Map(),
  keys: new Map(),
  primaryKeys: new Map(),
};

/** Of install-key, use-key and remove-key. */
export const changeKey =
  (command: Exclude<KeyCommand, "list">): Command =>
  async ({ body }, { backend }) => {
    const refused = (error: string): Reply => ({ error, body: keyRecord(NOTHING, { isList: false }) });
    try {
      const text = textField(body, "Key");
      const key = decodeKey(text);
      if (key === undefined) return refused(`illegal base64 data at input byte ${base64Problem(text)}`);
      const result = await backend.keys({ command, key });
      return replyOf(result, { isList: false });
    } catch (error) {
      return refused(messageOf(error));
    }
  };

export const listKeys: Command = async (_, { backend }) => {
  try {
    return replyOf(await backend.keys({ command: "list" }), { isList: true });
  } catch (error) {
    return { error: messageOf(error), body: keyRecord(NOTHING, { isList: true }) };
  }
};

function replyOf(result: KeyResult, options: { readonly isList: boolean }): Reply {
  const body = keyRecord(result, options);
  return result.error === undefined ? { body } : { error: result.error, body };
}

/** Newer clients of the reference read which key is the primary where; older ones pass it over. */
function keyRecord(result: KeyResult, { isList }: { readonly isList: boolean }): RpcWritable {
  const { numNodes, numResp, numErr, messages, keys, primaryKeys } = result;
  const counts = isList ? new Map(keys) : null;
  const primaries = primaryKeys.size === 0 ? {} : { PrimaryKeys: new Map(primaryKeys) };
  const numbers = { NumErr: numErr, NumNodes: numNodes, NumResp: numResp };
  return { Keys: counts, Messages: new Map<string, string>(messages), ...numbers, ...primaries };
}
