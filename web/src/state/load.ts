/** Something that is read from a node, and read again when it changed. */
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { messageOf } from "./app.ts";

/** `read` is called at first and whenever `version` changes; an answer that comes too late is dropped. */
export function useLoaded<T>(read: () => Promise<T>, version: unknown) {
  const value = useSignal<T | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const again = useSignal(0);
  useEffect(() => {
    let isLate = false;
    read()
      .then((loaded) => {
        if (isLate) return;
        value.value = loaded;
        error.value = undefined;
      })
      .catch((thrown: unknown) => {
        if (!isLate) error.value = messageOf(thrown);
      });
    return () => {
      isLate = true;
    };
    // What is read is decided by the version alone.
  }, [version, again.value]);
  const reload = (): void => {
    again.value += 1;
  };
  return { value, error, reload };
}

/** Runs one deed at a time and tells what it was refused with. */
export function useDeed() {
  const busy = useSignal(false);
  const error = useSignal<string | undefined>(undefined);
  const run = async (work: () => Promise<unknown>): Promise<boolean> => {
    if (busy.value) return false;
    busy.value = true;
    error.value = undefined;
    try {
      await work();
      return true;
    } catch (thrown) {
      error.value = messageOf(thrown);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { busy, error, run };
}

/** The code of a part of the page that is loaded when it is first wanted. */
export function lazily<T>(load: () => Promise<T>): { get(): T | undefined } {
  const loaded = signal<T | undefined>(undefined);
  let isLoading = false;
  return {
    get() {
      if (!isLoading) {
        isLoading = true;
        load()
          .then((part) => {
            loaded.value = part;
          })
          .catch(() => {
            isLoading = false;
          });
      }
      return loaded.value;
    },
  };
}
