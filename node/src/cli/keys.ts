// `hearsay keys`: changes or lists the encryption keys of the whole cluster, with the words of `serf keys`.

import { decodeKey, type KeyCommand, type RpcKeyAnswer } from "#gossip/io";
import { type Command, type CommandIo, EXIT_CODES, EXIT_FAILED, EXIT_OK } from "./command.ts";
import { describeFlags, FlagError, type FlagTable, type ParsedFlags } from "./flags.ts";
import { safeText } from "./payload-text.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  install: { kind: "text", value: "key", help: "every member takes the key for decrypting" },
  use: { kind: "text", value: "key", help: "every member encrypts with the key, which it has already" },
  remove: { kind: "text", value: "key", help: "every member forgets the key, with which none encrypts any more" },
  list: { kind: "boolean", help: "the keys, and how many members have each" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

interface Words {
  readonly begin: string;
  readonly done: string;
  readonly failed: string;
}

const WORDS: Readonly<Record<KeyCommand, Words>> = {
  install: {
    begin: "Installing key on all members...",
    done: "Successfully installed key!",
    failed: "Error installing key",
  },
  use: {
    begin: "Changing primary key on all members...",
    done: "Successfully changed primary key!",
    failed: "Error changing primary key",
  },
  remove: {
    begin: "Removing key on all members...",
    done: "Successfully removed key!",
    failed: "Error removing key",
  },
  list: {
    begin: "Asking all members for installed keys...",
    done: "Keys gathered, listing cluster keys...",
    failed: "Failed to gather member keys",
  },
};

export const keys: Command = {
  name: "keys",
  summary: "change or list the encryption keys of the cluster",
  usage: `Usage: hearsay keys [options]

  One of -install, -use, -remove or -list. To rotate: install the new key, use it, remove the old one; each step is
  done when every member has done it, and may be repeated.

${describeFlags({ ...FLAGS, ...RPC_FLAGS })}
  ${EXIT_CODES}  1 also when a member does not answer or refuses.
`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io, check: readWish }, async (client, flags) => {
      const json = wantsJson(flags);
      const { command, key } = readWish(flags);
      if (!json) io.out(`==> ${WORDS[command].begin}\n`);
      const answer = await client.keys(command, key);
      if (json) io.out(`${JSON.stringify(answer, null, 2)}\n`);
      else show(answer, WORDS[command], io);
      return answer.error === "" ? EXIT_OK : EXIT_FAILED;
    }),
};

interface Wish {
  readonly command: KeyCommand;
  readonly key?: string;
}

/** Throws FlagError; a key that is none is not repeated. */
function readWish(flags: ParsedFlags): Wish {
  if (flags.rest.length > 0) throw new FlagError("keys takes options only");
  const wishes: Wish[] = flags.has("list") ? [{ command: "list" }] : [];
  for (const command of ["install", "use", "remove"] as const) {
    const key = flags.text(command);
    if (key === undefined) continue;
    if (![16, 24, 32].includes(decodeKey(key)?.length ?? 0)) {
      throw new FlagError(`the key of -${command} must be 16, 24 or 32 bytes in base64`);
    }
    wishes.push({ command, key });
  }
  const [wish, ...more] = wishes;
  if (wish === undefined) throw new FlagError("one of -install, -use, -remove, or -list must be given");
  if (more.length > 0) throw new FlagError("only one of -install, -use, -remove, or -list allowed");
  return wish;
}

function show(
  { error, messages, keys: counts, primaryKeys, numNodes }: RpcKeyAnswer,
  words: Words,
  io: CommandIo,
): void {
  const ends = Object.keys(messages).sort();
  const said = ends.map((node) => `${safeText(node)}  ${safeText(messages[node] ?? "")}`);
  if (error !== "") {
    for (const line of said) io.out(`failed:  ${line}\n`);
    io.err(`${said.length > 0 ? "\n" : ""}${words.failed}: ${error}\n`);
    return;
  }
  io.out(`==> ${words.done}\n`);
  for (const line of said) io.out(`note:  ${line}\n`);
  const found = Object.keys(counts).sort();
  if (found.length > 0) io.out("\n");
  for (const key of found) {
    const primary = primaryKeys[key] === undefined ? "" : `  primary on ${primaryKeys[key]}`;
    io.out(`${key}  [${counts[key]}/${numNodes}]${primary}\n`);
  }
}
