/** Opening cameras, microphones and screens, with constraints that suit a call. */
import { deviceError, HearsayError } from "./errors.ts";
import type { TrackSource } from "./protocol/messages.ts";

export interface DeviceChoice {
  /** Exact device of enumerateDevices; default: the platform's choice. */
  readonly deviceId?: string;
}

const MICROPHONE: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
/** 720p, because its halves and quarters are whole numbers of the macroblocks of every codec. */
const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
};

/** Rejects with HearsayError device_denied, device_missing, device_busy or not_supported. Opens nothing then. */
export async function openDevice(
  devices: MediaDevices | undefined,
  source: TrackSource,
  choice: DeviceChoice = {},
): Promise<MediaStreamTrack> {
  if (devices === undefined) throw new HearsayError("not_supported", "This page may not use devices (is it https?).");
  try {
    const stream = await open(devices, source, exactly(choice));
    const track = stream
      .getTracks()
      .find(
        (candidate) => candidate.kind === (source === "microphone" || source === "screenAudio" ? "audio" : "video"),
      );
    for (const other of stream.getTracks()) if (other !== track) other.stop();
    if (track === undefined) throw new HearsayError("device_missing", "The device gave no track.");
    if (source === "screen") track.contentHint = "detail";
    return track;
  } catch (error) {
    if (error instanceof HearsayError) throw error;
    throw deviceError(error);
  }
}

export interface Preview {
  readonly microphone: MediaStreamTrack | HearsayError;
  readonly camera: MediaStreamTrack | HearsayError;
}

/** Microphone and camera with one question to the person; each is a track, or why there is none. Never rejects. */
export async function openPreview(
  devices: MediaDevices | undefined,
  choice: { readonly microphone?: DeviceChoice; readonly camera?: DeviceChoice } = {},
): Promise<Preview> {
  try {
    const stream = await devices?.getUserMedia({
      audio: { ...MICROPHONE, ...exactly(choice.microphone) },
      video: { ...CAMERA, ...exactly(choice.camera) },
    });
    const [microphone] = stream?.getAudioTracks() ?? [];
    const [camera] = stream?.getVideoTracks() ?? [];
    if (microphone !== undefined && camera !== undefined) return { microphone, camera };
  } catch {
    // One of the two is missing or busy: each is asked for alone, and says itself what is wrong.
  }
  const alone = (source: TrackSource, device?: DeviceChoice): Promise<MediaStreamTrack | HearsayError> =>
    openDevice(devices, source, device).catch((error: unknown) => deviceError(error));
  return { microphone: await alone("microphone", choice.microphone), camera: await alone("camera", choice.camera) };
}

export interface ScreenChoice {
  /** Also the sound of what is shared, where the platform gives it. Default false. */
  readonly audio?: boolean;
  /** "detail" keeps text sharp, "motion" keeps video smooth. Default "detail". */
  readonly contentHint?: "detail" | "text" | "motion";
}

/** Asks which screen to share, once for picture and sound. Rejects as openDevice does. */
export async function openScreen(
  devices: MediaDevices | undefined,
  { audio = false, contentHint = "detail" }: ScreenChoice = {},
): Promise<{ readonly video: MediaStreamTrack; readonly audio: MediaStreamTrack | undefined }> {
  if (devices?.getDisplayMedia === undefined)
    throw new HearsayError("not_supported", "This platform shares no screens.");
  try {
    const frameRate = contentHint === "motion" ? { ideal: 30 } : { ideal: 15 };
    const stream = await devices.getDisplayMedia({ video: { frameRate }, audio });
    const tracks = stream.getTracks();
    const video = tracks.find(({ kind }) => kind === "video");
    if (video === undefined) throw new HearsayError("device_missing", "The screen gave no picture.");
    video.contentHint = contentHint;
    return { video, audio: tracks.find(({ kind }) => kind === "audio") };
  } catch (error) {
    throw deviceError(error);
  }
}

const exactly = (choice: DeviceChoice | undefined): MediaTrackConstraints =>
  choice?.deviceId === undefined ? {} : { deviceId: { exact: choice.deviceId } };

async function open(devices: MediaDevices, source: TrackSource, exact: MediaTrackConstraints): Promise<MediaStream> {
  switch (source) {
    case "microphone":
      return devices.getUserMedia({ audio: { ...MICROPHONE, ...exact } });
    case "camera":
      return devices.getUserMedia({ video: { ...CAMERA, ...exact } });
    case "screen":
      return devices.getDisplayMedia({ video: { frameRate: { ideal: 15 } } });
    case "screenAudio":
      return devices.getDisplayMedia({ video: true, audio: true });
  }
}

/** Cameras, microphones and loudspeakers; empty where the platform lists none. Labels need a permission first. */
export async function listDevices(devices: MediaDevices | undefined): Promise<readonly MediaDeviceInfo[]> {
  if (devices?.enumerateDevices === undefined) return [];
  return (await devices.enumerateDevices()).filter((device) => device.deviceId !== "");
}
