/** The room's memories: pictures and files, newest first, and putting more in. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { FileInfo, Memories } from "../../../client-sdk/src/index.ts";
import { bytesText } from "../state/amounts.ts";
import { messageOf, user } from "../state/app.ts";
import type { Call } from "../state/call.ts";
import { locale, t } from "../state/i18n.ts";
import { useDeed, useLoaded } from "../state/load.ts";
import { FormError } from "./field.tsx";
import { Icon } from "./icons.tsx";

const PAGE = 30;
/** A blob's address is let go after the new tab or the download had time to take it. */
const ADDRESS_MS = 60_000;

/** Pictures need a token, so they are fetched and shown from memory. */
function Preview({ memories, file }: { readonly memories: Memories; readonly file: FileInfo }) {
  const address = useSignal<string | undefined>(undefined);
  useEffect(() => {
    const abort = new AbortController();
    let made: string | undefined;
    memories
      .preview(file.fileId, abort.signal)
      .then((blob) => {
        made = URL.createObjectURL(blob);
        address.value = made;
      })
      .catch(() => undefined);
    return () => {
      abort.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [memories, file.fileId, address]);
  return address.value === undefined ? (
    <span class="skeleton" />
  ) : (
    <img src={address.value} alt={file.caption ?? file.name} />
  );
}

async function openFile(memories: Memories, file: FileInfo): Promise<void> {
  const address = URL.createObjectURL(await memories.open(file.fileId));
  const link = document.createElement("a");
  link.href = address;
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), ADDRESS_MS);
}

function Memory({
  call,
  memories,
  file,
}: {
  readonly call: Call;
  readonly memories: Memories;
  readonly file: FileInfo;
}) {
  const deed = useDeed();
  const mayRemove = file.uploaderId === user.value?.userId || call.canModerate.value;
  return (
    <li data-testid="memory">
      <button
        type="button"
        class="memory"
        aria-label={t("files.open", { name: file.name })}
        disabled={deed.busy.value}
        onClick={() => void deed.run(() => openFile(memories, file))}
      >
        {file.hasPreview ? <Preview memories={memories} file={file} /> : <span class="file-type">{file.type}</span>}
        <span class="memory-name">{file.caption ?? file.name}</span>
      </button>
      {mayRemove && (
        <button
          type="button"
          class="ghost icon-only memory-remove"
          aria-label={t("files.removeNamed", { name: file.name })}
          onClick={() => void deed.run(() => memories.remove(file.fileId))}
        >
          <Icon name="close" />
        </button>
      )}
      <FormError text={deed.error.value} />
    </li>
  );
}

interface Sending {
  readonly name: string;
  readonly percent: number;
  readonly abort: AbortController;
}

function Upload({ memories, onAdded }: { readonly memories: Memories; readonly onAdded: () => void }) {
  const sending = useSignal<Sending | undefined>(undefined);
  const error = useSignal<string | undefined>(undefined);
  const send = async (files: readonly File[]): Promise<void> => {
    error.value = undefined;
    for (const file of files) {
      const abort = new AbortController();
      const say = (percent: number): void => {
        sending.value = { name: file.name, percent, abort };
      };
      say(0);
      try {
        const onProgress = (sent: number, total: number): void => say(Math.round((100 * sent) / Math.max(1, total)));
        await memories.add(file, { signal: abort.signal, onProgress });
        onAdded();
      } catch (thrown) {
        error.value = messageOf(thrown);
        break;
      }
    }
    sending.value = undefined;
  };
  const now = sending.value;
  return (
    <>
      <label class="button primary wide file-button">
        <Icon name="plus" />
        {t("files.add")}
        <input
          type="file"
          class="hidden"
          multiple
          disabled={now !== undefined}
          data-testid="files-add"
          onChange={(event) => {
            const input = event.currentTarget;
            const files = [...(input.files ?? [])];
            input.value = "";
            void send(files);
          }}
        />
      </label>
      {now !== undefined && (
        <div class="sending" data-testid="files-sending">
          <span>{t("files.sending", { name: now.name, percent: now.percent })}</span>
          <progress max={100} value={now.percent} />
          <button type="button" class="link" onClick={() => now.abort.abort()}>
            {t("room.cancel")}
          </button>
        </div>
      )}
      <FormError text={error.value} />
    </>
  );
}

export function Gallery({ call, memories }: { readonly call: Call; readonly memories: Memories }) {
  const older = useSignal<readonly FileInfo[]>([]);
  const cursor = useSignal<string | undefined>(undefined);
  const more = useDeed();
  const { value, error, reload } = useLoaded(async () => {
    const page = await memories.list({ limit: PAGE });
    older.value = [];
    cursor.value = page.nextCursor;
    return page;
  }, call.life.value.file);
  const loadMore = async (): Promise<void> => {
    const page = await memories.list({ limit: PAGE, ...(cursor.value === undefined ? {} : { before: cursor.value }) });
    older.value = [...older.value, ...page.files];
    cursor.value = page.nextCursor;
  };
  const page = value.value;
  const files = [...(page?.files ?? []), ...older.value];
  return (
    <>
      <Upload memories={memories} onAdded={reload} />
      <FormError text={error.value ?? more.error.value} />
      {page === undefined && error.value === undefined && <div class="skeleton" />}
      {page !== undefined && files.length === 0 && <p class="empty">{t("files.empty")}</p>}
      <ul class="gallery">
        {files.map((file) => (
          <Memory key={file.fileId} call={call} memories={memories} file={file} />
        ))}
      </ul>
      {cursor.value !== undefined && (
        <button type="button" class="button quiet small" onClick={() => void more.run(loadMore)}>
          {t("room.more")}
        </button>
      )}
      {page !== undefined && (
        <p class="hint">
          {t("files.used", {
            used: bytesText(page.usedBytes, locale.value),
            max: bytesText(page.maxBytes, locale.value),
          })}
        </p>
      )}
    </>
  );
}
