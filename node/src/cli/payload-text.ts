// Payloads of other nodes on an operator's terminal.

/** As UTF-8; what could steer the terminal becomes a question mark, so that no node can write its neighbour's lines. */
export function payloadText(payload: Uint8Array): string {
  return safeText(new TextDecoder().decode(payload));
}

export function safeText(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, "?");
}
