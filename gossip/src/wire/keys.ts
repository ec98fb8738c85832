// Every map key of the gossip profile, found by its bytes without making a string: the decoders switch on the result.

const NAMES = [
  // memberlist
  ..."SeqNo Node SourceAddr SourcePort SourceNode Target Port Nack Payload Error Incarnation From Addr Meta Vsn".split(
    " ",
  ),
  ..."Nodes UserStateLen Join Name State UserMsgLen Algo Buf".split(" "),
  // Serf
  ..."LTime Prune CC ID Filters Flags RelayFactor Timeout StatusLTimes LeftMembers EventLTime Events QueryLTime".split(
    " ",
  ),
  ..."Key Result Message Keys PrimaryKey DestAddr DestName IP Zone Tag Expr Tags Status".split(" "),
  ..."ProtocolMin ProtocolMax ProtocolCur DelegateMin DelegateMax DelegateCur".split(" "),
  // coordinates
  ..."Adjustment Height Vec".split(" "),
];

interface Known {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const TABLE_SIZE = 512;

const slotOf = (length: number, first: number, middle: number, last: number): number =>
  (length * 37 + first * 5 + middle * 11 + last * 3) & (TABLE_SIZE - 1);

const table: (Known | undefined)[] = buildTable();

function buildTable(): (Known | undefined)[] {
  const slots: (Known | undefined)[] = new Array(TABLE_SIZE).fill(undefined);
  for (const name of NAMES) {
    const bytes = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
    let slot = hashAt(bytes, 0, bytes.length);
    while (slots[slot] !== undefined) slot = (slot + 1) & (TABLE_SIZE - 1);
    slots[slot] = { name, bytes };
  }
  return slots;
}

function hashAt(bytes: Uint8Array, start: number, length: number): number {
  return slotOf(
    length,
    bytes[start] as number,
    bytes[start + (length >> 1)] as number,
    bytes[start + length - 1] as number,
  );
}

/** The key's name, or "" when no message of ours has it. Case matters. */
export function knownKey(bytes: Uint8Array, start: number, length: number): string {
  if (length === 0) return "";
  let slot = hashAt(bytes, start, length);
  for (;;) {
    const known = table[slot];
    if (known === undefined) return "";
    if (isEqual(known.bytes, bytes, start, length)) return known.name;
    slot = (slot + 1) & (TABLE_SIZE - 1);
  }
}

function isEqual(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i += 1) if (known[i] !== bytes[start + i]) return false;
  return true;
}
