/** What the media plane needs of a logger; pino's has the same shape. Fields first, a constant sentence second. */
export interface MediaLog {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
export type LogLevel = keyof MediaLog;

export const silentMediaLog: MediaLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
